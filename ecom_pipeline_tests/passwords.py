"""Stores that are entered with a password that can be searched for."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ecom_pipeline.database.embedded import Endpoints
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.redis import Redis

MARK = "Hunter2Hunter2"
"""Stands in every password, and nowhere else."""


@contextmanager
def with_passwords(endpoints: Endpoints) -> Iterator[Endpoints]:
    """The same stores for users with passwords.

    Mongo and Redis check them. Postgres, which trusts whoever enters its socket, takes any.
    """
    user = f"test_{secrets.token_hex(4)}"
    with closing(Mongo(endpoints.mongo_url)) as mongo, closing(Redis(endpoints.redis_url)) as redis:
        database = mongo.carts.database
        database.command("createUser", user, pwd=MARK, roles=["readWrite"])
        redis.client.acl_setuser(
            user, enabled=True, passwords=[f"+{MARK}"], keys="*", commands=["+@all"]
        )
        yield Endpoints(
            postgres_url=endpoints.postgres_url.replace("postgres@", f"postgres:{MARK}@"),
            mongo_url=endpoints.mongo_url.replace("//", f"//{user}:{MARK}@"),
            redis_url=endpoints.redis_url.replace("//", f"//{user}:{MARK}@"),
        )
        database.command("dropUser", user)
        redis.client.acl_deluser(user)
