"""What a cron expression is said to mean is what it means."""

import pytest

from omni_lab.pipelines.schedules.cron import Cron
from omni_lab.pipelines.schedules.sentences import sentence_of


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("30 17 * * 1-5", "At 17:30, Monday to Friday."),
        ("0 9,16 * * *", "At 09:00 and 16:00, every day."),
        ("* * * * *", "Every minute."),
        ("*/5 * * * *", "Every 5 minutes."),
        ("*/15 9-16 * * mon-fri", "Every 15 minutes from 09:00 to 16:59, Monday to Friday."),
        ("7 * * * *", "Every hour at minute 7."),
        ("0 6 1 * *", "At 06:00, on day 1 of the month."),
        ("0 6 13 * 5", "At 06:00, on day 13 of the month or on Friday."),
        ("0 6 */13 * 5", "At 06:00, on day 1, 14 and 27 of the month that is also Friday."),
        ("0 0 1 1 *", "At 00:00, on day 1 of the month, in January."),
        ("0 8 * 6-8 0,6", "At 08:00, Saturday and Sunday, in June to August."),
        ("5,50 * * * *", "At minute 5 and 50 of every hour."),
        ("* 3 * * *", "Every minute from 03:00 to 03:59, every day."),
    ],
)
def test_a_sentence_says_when(cron: str, said: str) -> None:
    assert sentence_of(Cron.parse(cron)) == said
