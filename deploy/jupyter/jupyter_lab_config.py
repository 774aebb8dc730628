"""JupyterLab as `make lab` starts it: notebook jobs run as pipelines, and nothing is asked of the network.

Given as `jupyter lab --config deploy/jupyter/jupyter_lab_config.py`.
"""

c = get_config()  # noqa: F821  # Jupyter reads this file and provides the function

c.BaseScheduler.execution_manager_class = "omni_lab.pipelines.schedules.jupyter.PipelineExecutionManager"

c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
