"""``/api/handshake/...``."""

from __future__ import annotations

from dataclasses import asdict

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.queue import enqueue
from handshake import services
from handshake.api.authentication import SignatureAuthentication
from handshake.services import SignedCall
from handshake.signature import SignatureError
from handshake.snapshot import SnapshotError, read_snapshot
from nasctl.tasks import watch_nas
from pihole.tasks import reconcile_names


class _NasView(APIView):
    """A call that only the NAS may make."""

    authentication_classes = [SignatureAuthentication]  # noqa: RUF012  # DRF's way

    def call(self, request: Request) -> SignedCall:
        """Return the call as it was believed."""
        assert isinstance(request.auth, SignedCall)  # noqa: S101  # see authentication_classes
        return request.auth


class GoingOfflineView(_NasView):
    """The NAS goes down."""

    def post(self, request: Request) -> Response:
        """Keep its snapshot and lead its names to the Pi."""
        try:
            snapshot = read_snapshot(request._request.body)  # noqa: SLF001  # as it was signed
        except SnapshotError as error:
            raise ValidationError({name: [text] for name, text in error.errors.items()}) from error
        try:
            followed = services.go_offline(self.call(request), snapshot, timezone.now())
        except SignatureError as error:
            raise AuthenticationFailed(str(error)) from error
        # The answer's work is done; who does not hear of it now finds out by looking.
        if enqueue(watch_nas) and followed.names_are_due:
            enqueue(reconcile_names)
        return Response({"acknowledged": True, "dns_switched": followed.names_lead_right})


class ComingOnlineView(_NasView):
    """BaluHost is starting."""

    def post(self, request: Request) -> Response:
        """Note it, and have the worker watch for BaluHost's first answer."""
        try:
            followed = services.come_online(self.call(request), timezone.now())
        except SignatureError as error:
            raise AuthenticationFailed(str(error)) from error
        is_told = enqueue(watch_nas)
        if is_told and followed.names_are_due:
            enqueue(reconcile_names)
        return Response(
            {
                "acknowledged": True,
                "inbox_flushed": False,
                "files_transferred": 0,
                "dns_switched": followed.names_lead_right,
                # Its first good answer has the inbox moved.
                "flush_queued": is_told,
            }
        )


class StatusView(APIView):
    """The NAS's state, for its own page."""

    def get(self, _request: Request) -> Response:
        """Answer state, newest snapshot and inbox."""
        return Response(services.handshake_status(timezone.now()))


class SnapshotView(APIView):
    """What the NAS told of itself before it went down."""

    def get(self, _request: Request) -> Response:
        """Answer the newest snapshot, whole."""
        found = services.latest_snapshot(timezone.now())
        if found is None:
            raise Http404(_("The NAS has not sent a snapshot yet."))
        return Response(found)


class InboxView(APIView):
    """The files that wait for the NAS."""

    def get(self, _request: Request) -> Response:
        """Answer what is known of them, without waking their disk."""
        return Response(asdict(services.inbox_overview(timezone.now())))
