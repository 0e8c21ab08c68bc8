from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from leads.enums import Role


class Organisation(models.Model):
    """The one organisation of this installation; a single row with primary key 1.

    `time_zone` decides which day an event falls on, so changing it rebuilds the day counts.
    """

    name = models.CharField(max_length=200, default="My organisation")
    time_zone = models.CharField(max_length=64, default="UTC")
    accept_hours = models.PositiveSmallIntegerField(default=4)
    contact_hours = models.PositiveSmallIntegerField(default=24)
    hand_raise_accept_hours = models.PositiveSmallIntegerField(default=1)
    # Managers are told of an MQL that has been without a rep for so many working hours; 0 tells nobody.
    age_alarm_hours = models.PositiveSmallIntegerField(default=8, db_default=8)
    stage_labels = models.JSONField(default=dict, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    # Goes up with every change of the signal catalogue, so that each process knows when its copy is old.
    catalogue_version = models.PositiveIntegerField(default=1)
    # Whether a definition goes live only when marketing and sales have approved it.
    needs_approvals = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="organisation_is_one"),
            models.CheckConstraint(
                condition=models.Q(accept_hours__gte=1, contact_hours__gte=1, hand_raise_accept_hours__gte=1),
                name="organisation_hours_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> Organisation:
        """Return the organisation, creating its row with defaults on first use."""
        return cls.objects.get_or_create(id=1)[0]


class Team(models.Model):
    """A sales team. A manager sees the leads of the reps in the same team."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an admin; there is no hidden superuser power outside the permission matrix."""
        return self.create_user(email, password, **{"role": Role.ADMIN, **fields})


class User(AbstractBaseUser):
    """Somebody who signs in. `role` and `team` decide what they see and may do (see leadflow.permissions)."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=150)
    role = models.CharField(max_length=10, choices=Role.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="users")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_marketer(self) -> bool:
        return self.role == Role.MARKETER

    @property
    def is_rep(self) -> bool:
        return self.role == Role.REP

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER
