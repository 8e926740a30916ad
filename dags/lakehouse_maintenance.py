"""The weekly Airflow DAG that tidies the files of every domain."""

from lakehouse.orchestration.domain_dag import maintenance_dag

dag = maintenance_dag()
