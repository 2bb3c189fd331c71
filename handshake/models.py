"""The NAS's calls and snapshots, and the ledger of the inbox."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from handshake.problems import sentence
from nasctl.moments import Moment


class CallKind(models.TextChoices):
    """What the NAS says; the value is the end of its path."""

    GOING_OFFLINE = "nas-going-offline", _("going offline")
    COMING_ONLINE = "nas-coming-online", _("coming online")


class NasCall(models.Model):
    """A signed call that was accepted; its signature is never accepted again."""

    kind = models.CharField(_("kind"), max_length=32, choices=CallKind)
    received_at = models.DateTimeField(_("received"), db_index=True)
    signed_at = models.DateTimeField(_("signed"), help_text=_("By the NAS's clock."))
    client = models.CharField(_("client"), max_length=45, help_text=_("The address that called."))
    signature = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-received_at", "-pk"]
        verbose_name = _("call of the NAS")
        verbose_name_plural = _("calls of the NAS")

    def __str__(self) -> str:
        return f"{timezone.localtime(self.received_at):%Y-%m-%d %H:%M} {self.get_kind_display()}"


class Snapshot(models.Model):
    """What the NAS told of itself before it went offline; never edited."""

    received_at = models.DateTimeField(_("received"), db_index=True)
    #: As JSON text: no database looks into it, and it is given back as it came.
    content = models.TextField(_("content"))

    class Meta:
        ordering: ClassVar[list[str]] = ["-received_at", "-pk"]
        verbose_name = _("snapshot of the NAS")
        verbose_name_plural = _("snapshots of the NAS")

    def __str__(self) -> str:
        return f"{timezone.localtime(self.received_at):%Y-%m-%d %H:%M}"


class AskedBy(models.TextChoices):
    """Who had the inbox moved."""

    ARRIVAL = "arrival", _("the NAS came up")
    SCHEDULE = "schedule", _("the regular look")
    COMMAND = "command", _("a command")
    ADMIN = "admin", _("the admin")


class InboxRun(models.Model):
    """One time that files were moved, or could not be."""

    asked_by = models.CharField(_("asked by"), max_length=16, choices=AskedBy)
    started_at = models.DateTimeField(_("started"), db_index=True)
    finished_at = models.DateTimeField(
        _("finished"),
        null=True,
        blank=True,
        help_text=_("Empty while it runs, or where it was cut off."),
    )
    tries = models.PositiveIntegerField(
        _("tries"), default=1, help_text=_("So often in a row it ended the same way.")
    )
    files_moved = models.PositiveIntegerField(_("files moved"), default=0)
    bytes_moved = models.PositiveBigIntegerField(_("bytes moved"), default=0)
    files_renamed = models.PositiveIntegerField(_("files renamed"), default=0)
    files_failed = models.PositiveIntegerField(_("files failed"), default=0)
    trouble = models.CharField(_("trouble"), max_length=32, blank=True)
    trouble_detail = models.CharField(_("trouble detail"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at", "-pk"]
        verbose_name = _("run of the inbox")
        verbose_name_plural = _("runs of the inbox")

    def __str__(self) -> str:
        return f"{timezone.localtime(self.started_at):%Y-%m-%d %H:%M}"

    @property
    def message(self) -> str:
        """Why it ended before all was moved; "" where it did not."""
        return sentence(self.trouble, self.trouble_detail)


class FileStatus(models.TextChoices):
    """Where a file of the inbox is on its way."""

    WAITING = "waiting", _("waiting")
    SENDING = "sending", _("on its way")
    FAILED = "failed", _("set aside")
    DONE = "done", _("on the NAS")


class InboxFile(models.Model):
    """A file of the inbox; one open row per path, and one per time that it arrived."""

    key = models.CharField(max_length=64, editable=False)
    name = models.TextField(_("name"))
    size_bytes = models.PositiveBigIntegerField(_("size, bytes"))
    mtime_ns = models.BigIntegerField(editable=False)
    ctime_ns = models.BigIntegerField(editable=False)
    inode = models.PositiveBigIntegerField(editable=False)
    status = models.CharField(
        _("status"), max_length=16, choices=FileStatus, default=FileStatus.WAITING
    )
    attempts = models.PositiveSmallIntegerField(
        _("attempts"), default=0, help_text=_("Failures that were the file's own.")
    )
    message = models.CharField(_("message"), max_length=600, blank=True)
    stored_as = models.TextField(
        _("stored as"), blank=True, help_text=_("Its name on the NAS, where its own was taken.")
    )
    noticed_at = models.DateTimeField(
        _("noticed"), help_text=_("When this version was first seen.")
    )
    uptime_s = models.FloatField(editable=False)
    boot_id = models.CharField(max_length=36, blank=True, editable=False)
    is_copied = models.BooleanField(
        _("copied"), default=False, help_text=_("This version was seen on the NAS, whole.")
    )
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["ctime_ns", "pk"]
        verbose_name = _("file of the inbox")
        verbose_name_plural = _("files of the inbox")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["key"],
                condition=~models.Q(status="done"),
                name="inbox_one_open_row_per_path",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["status", "ctime_ns"], name="inbox_by_status")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> tuple[int, int, int, int]:
        """The version of the file that this row speaks of."""
        return (self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)

    @property
    def noticed(self) -> Moment:
        """When this version was first seen, by both clocks."""
        return Moment(self.noticed_at, self.uptime_s, self.boot_id)


class InboxStatus(models.Model):
    """The one row that says what the last look at the inbox found."""

    scanned_at = models.DateTimeField(_("scanned"), null=True)
    #: What ``folder.disk_mark`` said then; another word means that something was written since.
    disk_mark = models.CharField(_("disk mark"), max_length=64, blank=True)
    files = models.PositiveIntegerField(_("files"), default=0)
    bytes = models.PositiveBigIntegerField(_("bytes"), default=0)
    left_lying = models.PositiveIntegerField(
        _("left lying"), default=0, help_text=_("Junk and half files.")
    )
    trouble = models.CharField(_("trouble"), max_length=32, blank=True)
    trouble_detail = models.CharField(_("trouble detail"), max_length=200, blank=True)
    trouble_since = models.DateTimeField(_("trouble since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("inbox")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @classmethod
    def current(cls) -> InboxStatus:
        """Return the row; before the first look, an unsaved one."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)
