"""The answers of this app, described: most are the services' dataclasses, whose fields a test compares.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from handshake.models import AskedBy, FileStatus
from handshake.services.progress import Phase
from nasctl.state import NasState

#: As "handshake/snapshot.py" has it.
_MOST = 2**63 - 1


class _AcknowledgedSerializer(serializers.Serializer[Any]):
    acknowledged = serializers.BooleanField()
    dns_switched = serializers.BooleanField(help_text="The NAS's names lead where they should.")


class GoodbyeSerializer(_AcknowledgedSerializer):
    """The snapshot is kept."""


class HelloSerializer(_AcknowledgedSerializer):
    """The NAS's start is noted."""

    inbox_flushed = serializers.BooleanField(help_text="Always false: it is done afterwards.")
    files_transferred = serializers.IntegerField(help_text="Always 0: it is done afterwards.")
    flush_queued = serializers.BooleanField(help_text="The worker was told.")


class HandshakeStatusSerializer(serializers.Serializer[Any]):
    """State, newest snapshot and inbox, as the NAS-built page shows them."""

    nas_state = serializers.ChoiceField(choices=[state.value for state in NasState])
    since = serializers.DateTimeField(allow_null=True, help_text="null: it was never looked at.")
    last_snapshot = serializers.DateTimeField(allow_null=True, help_text="null: none yet.")
    inbox_size_mb = serializers.FloatField(help_text="MiB.")
    inbox_files = serializers.IntegerField()
    inbox_scanned_at = serializers.DateTimeField(
        allow_null=True, help_text="When the inbox was looked at; null: never."
    )


class SnapshotArraySerializer(serializers.Serializer[Any]):
    """A RAID array, and whatever else the NAS told of it."""

    name = serializers.CharField()
    level = serializers.CharField()
    state = serializers.CharField(help_text="`active`: healthy.")
    reported_state = serializers.CharField(help_text="The same as the NAS called it.")
    devices = serializers.ListField()


class _StorageSerializer(serializers.Serializer[Any]):
    total_bytes = serializers.FloatField(min_value=0, max_value=_MOST, help_text="Bytes.")
    used_bytes = serializers.FloatField(min_value=0, max_value=_MOST, help_text="Bytes.")


class SnapshotStorageSerializer(_StorageSerializer):
    """Its disks together."""

    arrays = SnapshotArraySerializer(many=True)


class SnapshotDiskSerializer(serializers.Serializer[Any]):
    """A disk's health."""

    status = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="`PASSED`: healthy."
    )


class SnapshotVpnSerializer(serializers.Serializer[Any]):
    """Its VPN."""

    active_clients = serializers.FloatField(min_value=0, max_value=_MOST)


class SnapshotSharesSerializer(serializers.Serializer[Any]):
    """Its shares."""

    active_shares = serializers.FloatField(min_value=0, max_value=_MOST)


class SnapshotServicesSerializer(serializers.Serializer[Any]):
    """Its services."""

    vpn = SnapshotVpnSerializer()
    shares = SnapshotSharesSerializer()


class SnapshotUsersSerializer(serializers.Serializer[Any]):
    """Its users."""

    total = serializers.FloatField(min_value=0, max_value=_MOST)


class SnapshotFilesSerializer(serializers.Serializer[Any]):
    """Its files."""

    total_files = serializers.FloatField(min_value=0, max_value=_MOST)


class _SnapshotSerializer(serializers.Serializer[Any]):
    smart_health = serializers.DictField(child=SnapshotDiskSerializer(), help_text="By disk.")
    services = SnapshotServicesSerializer()
    users = SnapshotUsersSerializer()
    files_summary = SnapshotFilesSerializer()


class SnapshotSerializer(_SnapshotSerializer):
    """What the NAS told of itself before it went down; more fields than these may come."""

    storage = SnapshotStorageSerializer()


class SentArraySerializer(serializers.Serializer[Any]):
    """A RAID array."""

    name = serializers.CharField(allow_blank=True, trim_whitespace=False)
    level = serializers.CharField(allow_blank=True, trim_whitespace=False)
    state = serializers.CharField(allow_blank=True, trim_whitespace=False)
    devices = serializers.ListField()


class SentStorageSerializer(_StorageSerializer):
    """Its disks together."""

    arrays = SentArraySerializer(many=True)


class SentSnapshotSerializer(_SnapshotSerializer):
    """The snapshot of BaluHost; fields that are not named here are kept as they are."""

    storage = SentStorageSerializer()


class InboxFileSerializer(serializers.Serializer[Any]):
    """A file of the inbox."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    status = serializers.ChoiceField(choices=FileStatus.values)
    noticed_at = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    message = serializers.CharField(help_text="What is wrong with it, or empty.")
    stored_as = serializers.CharField(help_text="Its name on the NAS, or empty.")
    finished_at = serializers.DateTimeField(allow_null=True)


class InboxRunSerializer(serializers.Serializer[Any]):
    """One time that files were moved, or could not be."""

    asked_by = serializers.ChoiceField(choices=AskedBy.values)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(
        allow_null=True, help_text="null: it runs, or was cut off."
    )
    tries = serializers.IntegerField(help_text="So often in a row it ended the same way.")
    files_moved = serializers.IntegerField()
    bytes_moved = serializers.IntegerField()
    files_renamed = serializers.IntegerField()
    files_failed = serializers.IntegerField()
    trouble = serializers.CharField(help_text="A stable word, or empty.")
    message = serializers.CharField(help_text="The same in words.")


class InboxTroubleSerializer(serializers.Serializer[Any]):
    """What holds up the inbox."""

    code = serializers.CharField(help_text="A stable word.")
    message = serializers.CharField(help_text="In words.")
    since = serializers.DateTimeField(allow_null=True)
    next_try_at = serializers.DateTimeField(allow_null=True)


class InboxProgressSerializer(serializers.Serializer[Any]):
    """A transfer that runs."""

    phase = serializers.ChoiceField(
        choices=[phase.value for phase in Phase],
        help_text="`comparing`: sent, and read once more; `confirming`: the NAS's disk is given time.",
    )
    files_total = serializers.IntegerField()
    files_done = serializers.IntegerField()
    bytes_total = serializers.IntegerField()
    bytes_sent = serializers.IntegerField(help_text="Also of files that are not confirmed yet.")
    rate_bytes_s = serializers.FloatField(
        allow_null=True, help_text="Bytes per second; null in the first one."
    )
    left_s = serializers.FloatField(allow_null=True, help_text="Seconds; null: nobody can tell.")
    at = serializers.DateTimeField(help_text="When this was told.")


class InboxSerializer(serializers.Serializer[Any]):
    """The files that wait for the NAS, as the last look found them."""

    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    size_mb = serializers.FloatField(help_text="MiB.")
    scanned_at = serializers.DateTimeField(allow_null=True, help_text="That look; null: none yet.")
    age_s = serializers.FloatField(allow_null=True, help_text="Seconds since then.")
    left_lying = serializers.IntegerField(help_text="Junk and half files, which stay.")
    failed = serializers.IntegerField(help_text="Set aside: a person has to look at them.")
    trouble = InboxTroubleSerializer(allow_null=True, help_text="null: nothing holds it up.")
    progress = InboxProgressSerializer(
        allow_null=True, help_text="null: nothing is being moved, or Redis is away."
    )
    waiting = InboxFileSerializer(many=True, help_text="The first of them, in their order.")
    set_aside = InboxFileSerializer(many=True)
    arrived = InboxFileSerializer(many=True, help_text="The last ones.")
    runs = InboxRunSerializer(many=True, help_text="The last ones.")
