"""What happens when an account would trade with itself, as scripts: ``docs/matching.md``, section 5."""

from tests.execution.conftest import Play

# Two of the account's own orders around one of somebody else.
OWN = """
    sell 3 @100
    b: sell 3 @100
    sell 3 @101
"""


def test_an_account_trades_with_itself_unless_it_says_otherwise(play: Play) -> None:
    play(OWN).run("buy 5 @100 | 4 accepted; 4 takes 3@100 from 1; 4 takes 2@100 from 2")


def test_cancel_newest_ends_the_incoming_order(play: Play) -> None:
    play(OWN).run("""
        buy 9 @101 cancel-newest      | 4 accepted; 4 canceled 9 SELF_TRADE
        cancel 1                      | 1 canceled 3 REQUESTED
        buy 9 @101 cancel-newest      | 5 accepted; 5 takes 3@100 from 2; 5 canceled 6 SELF_TRADE
    """)


def test_cancel_oldest_ends_those_that_rest(play: Play) -> None:
    play(OWN).run("""
        buy 4 @101 cancel-oldest  | 4 accepted; 1 canceled 3 SELF_TRADE; 4 takes 3@100 from 2;
                                  | 3 canceled 3 SELF_TRADE
        sell 1 @101 cancel-both   | 5 accepted; 4 canceled 1 SELF_TRADE; 5 canceled 1 SELF_TRADE
    """)


def test_cancel_both_ends_both(play: Play) -> None:
    play(OWN).run("""
        buy 4 @101 cancel-both    | 4 accepted; 1 canceled 3 SELF_TRADE; 4 canceled 4 SELF_TRADE
        b: buy 4 @101             | 5 accepted; 5 takes 3@100 from 2; 5 takes 1@101 from 3
    """)


def test_decrement_takes_the_same_off_both(play: Play) -> None:
    play(OWN).run("""
        buy 2 @101 decrement      | 4 accepted; 1 less 2, 1 left; 4 less 2, 0 left;
                                  | 4 canceled 0 SELF_TRADE
        buy 5 @101 decrement      | 5 accepted; 1 less 1, 0 left; 1 canceled 0 SELF_TRADE;
                                  | 5 less 1, 4 left; 5 takes 3@100 from 2; 3 less 1, 2 left;
                                  | 5 less 1, 0 left; 5 canceled 0 SELF_TRADE
    """)


def test_decrement_refreshes_an_iceberg(play: Play) -> None:
    play("""
        sell 7 @100 shows=3       | 1 accepted
        buy 4 @100 decrement      | 2 accepted; 1 less 3, 4 left; 2 less 3, 1 left; 1 shows 3@100;
                                  | 1 less 1, 3 left; 2 less 1, 0 left; 2 canceled 0 SELF_TRADE
    """)


def test_a_fok_order_does_not_count_what_it_would_not_trade_with(play: Play) -> None:
    play("""
        b: sell 2 @100 shows=1       | 1 accepted
        sell 2 @100                  | 2 accepted
        b: sell 5 @100               | 3 accepted
        buy 2 @100 fok cancel-newest | 4 accepted; 4 canceled 2 FOK
        buy 1 @100 fok cancel-newest | 5 accepted; 5 takes 1@100 from 1; 1 shows 1@100
        buy 6 @100 fok cancel-oldest | 6 accepted; 2 canceled 2 SELF_TRADE; 6 takes 5@100 from 3;
                                     | 6 takes 1@100 from 1
    """)


def test_an_own_hidden_order_lets_the_icebergs_before_it_count_in_full(play: Play) -> None:
    play("""
        sell 2 @100 hidden           | 1 accepted
        b: sell 3 @100 shows=1       | 2 accepted
        buy 4 @100 fok cancel-newest | 3 accepted; 3 canceled 4 FOK
        buy 3 @100 fok cancel-newest | 4 accepted; 4 takes 1@100 from 2; 2 shows 1@100;
                                     | 4 takes 1@100 from 2; 2 shows 1@100; 4 takes 1@100 from 2
    """)
