"""The daily Airflow DAG of billing: deliveries to gold.

A copy of this file with another domain's name is the DAG of that domain: its schedule, start, owner, alerts and retries
are in conf/<domain>/domain.yml, and where and by what its steps run is in conf/environments/.
"""

from lakehouse.orchestration.domain_dag import domain_dag

dag = domain_dag("billing")
