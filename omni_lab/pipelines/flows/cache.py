"""What a run came to, as a hash: so that a question knows what lies upstream by what was made there.

What carries dates or is made for eyes (notebook, report, figures) is left out, and so is the run's id.
"""

from collections.abc import Iterable
from hashlib import sha256

from omni_lab.pipelines.folder import dump_json
from omni_lab.pipelines.registry import Artifact

_FOR_EYES = frozenset({"figure", "notebook", "report"})


def result_fingerprint(artifacts: Iterable[Artifact]) -> str:
    """Hash of what a run made: equal results have equal hashes, whatever the runs are called.

    Parameters
    ----------
    artifacts : iterable of Artifact
        The files of the run, its metrics and what it recorded among them.
    """
    files = {each.path: each.sha256 for each in artifacts if each.kind not in _FOR_EYES}
    return sha256(dump_json(files).encode()).hexdigest()
