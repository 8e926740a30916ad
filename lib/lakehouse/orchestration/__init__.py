"""Contracts to Airflow's DAGs, environments to operators. Imports no Spark: a DAG file is read every half minute."""
