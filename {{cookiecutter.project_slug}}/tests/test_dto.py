"""Which fields of related rows responses show."""

from typing import Any

import pytest
from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from litestar import get
from litestar.testing import create_test_client
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column
from sqlalchemy.orm import relationship

from app.http.dto import ListedDTO

# Litestar knows a handler by its id in memory, which the next one may get when it is gone.
KEPT: list[object] = []


class Base(DeclarativeBase):
    """Tables of this test alone."""


class Employee(Base):
    """A person with a manager."""

    __tablename__ = "employee"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("employee.id"))
    manager: Mapped["Employee | None"] = relationship(remote_side="Employee.id", back_populates="team")
    team: Mapped[list["Employee"]] = relationship(back_populates="manager")


@pytest.mark.parametrize(
    ("include", "shown"),
    [
        (["id", "email"], {"id": 2, "email": "grace@example.com"}),
        (["id", "email", "manager"], {"id": 2, "email": "grace@example.com", "manager": {"id": 1}}),
        (["email", "manager"], {"email": "grace@example.com", "manager": {"id": 1}}),
        (["email", "manager.name"], {"email": "grace@example.com", "manager": {"name": "Kay"}}),
        (["name", "manager", "manager.email"], {"name": "Grace", "manager": {"email": "kay@example.com"}}),
        (["email", "team"], {"email": "grace@example.com", "team": [{"id": 3}]}),
    ],
    ids=str,
)
@pytest.mark.checklist("C06")
def test_a_relationship_shows_ids_unless_its_fields_are_listed(include: list[str], shown: dict[str, Any]) -> None:
    class EmployeeRead(ListedDTO[Employee]):
        config = SQLAlchemyDTOConfig(include={*include})

    @get("/", return_dto=EmployeeRead, sync_to_thread=False)
    def read() -> Employee:
        kay = Employee(id=1, email="kay@example.com", name="Kay")
        team = [Employee(id=3, email="hopper@example.com", name="Hopper")]
        return Employee(id=2, email="grace@example.com", name="Grace", manager=kay, team=team)

    with create_test_client([read]) as client:
        KEPT.append(client.app)
        assert client.get("/").json() == shown
