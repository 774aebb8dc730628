"""How a moment of a film looks. JupyterLab names its colours in variables; elsewhere a scheme decides.

The doubled class outranks the rules that JupyterLab has for every table.
"""

from omni_lab.figures.theme import DARK, LIGHT, Theme


def _variables(theme: Theme, *, jupyter: bool = False) -> str:
    names = {"ink": theme.text, "soft": theme.muted, "rule": theme.grid, "page": theme.background}
    known = {"ink": "font-color1", "soft": "font-color2", "rule": "border-color2", "page": "layout-color1"}
    return "".join(
        f"--omni-{name}:"
        + (
            f"var(--jp-{'content-' if 'font' in known[name] else ''}{known[name]},{colour});"
            if jupyter
            else f"{colour};"
        )
        for name, colour in names.items()
    )


STYLE = (
    f".omni-replay.auto{{{_variables(LIGHT, jupyter=True)}}}"
    f"@media (prefers-color-scheme:dark){{.omni-replay.auto{{{_variables(DARK, jupyter=True)}}}}}"
    f".omni-replay.light{{{_variables(LIGHT)}}}.omni-replay.dark{{{_variables(DARK)}}}"
    """
.omni-replay{color:var(--omni-ink);padding:4px;
font:13px/1.45 system-ui,sans-serif}
.omni-replay header{border-left:4px solid var(--omni-rule);padding:2px 0 2px 10px;margin:4px 0 8px}
.omni-replay .said{font-size:16px;font-weight:600;min-height:1.45em}
.omni-replay .soft{color:var(--omni-soft)}
.omni-replay p{margin:4px 0}
.omni-replay .hash{font-family:ui-monospace,monospace;font-size:12px}
.omni-replay .columns{display:flex;flex-wrap:wrap;gap:6px 28px;align-items:flex-start}
.omni-replay.omni-replay section{flex:1 1 360px;min-width:0;max-width:640px}
.omni-replay.omni-replay section.wide{flex-basis:560px;max-width:900px}
.omni-replay.omni-replay h4{font-size:13px;font-weight:600;margin:8px 0 4px;color:var(--omni-ink)}
.omni-replay.omni-replay .scroll{overflow:auto;max-height:330px}
.omni-replay.omni-replay table{border-collapse:collapse;table-layout:auto;width:100%;
font-size:12.5px;color:inherit;margin:0;border:0}
.omni-replay.omni-replay thead,.omni-replay.omni-replay tbody tr:nth-child(n),
.omni-replay.omni-replay tbody tr:nth-child(n):hover{background:none;border:0}
.omni-replay.omni-replay th,.omni-replay.omni-replay td{text-align:left;padding:2px 8px 2px 0;
border:0;white-space:nowrap;border-bottom:1px solid var(--omni-rule)}
.omni-replay.omni-replay th{font-weight:400;color:var(--omni-soft)}
.omni-replay.omni-replay .n{text-align:right;font-variant-numeric:tabular-nums}
.omni-replay.omni-replay tr.changed td{font-weight:600}
.omni-replay.omni-replay .mark{font-size:9px;vertical-align:1px}
"""
)
"""Rules for everything inside an element of class ``omni-replay``."""
