"""The Airflow DAGs that a person starts with a form: retract, release, replay, verify. One each, for all domains."""

from lakehouse.orchestration.action_dags import action_dags

retract, release, replay, verify = action_dags()
