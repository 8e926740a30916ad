"""The daily Airflow DAG of retail: deliveries to gold."""

from lakehouse.orchestration.domain_dag import domain_dag

dag = domain_dag("retail")
