"""What the login endpoints take and tell."""

from __future__ import annotations

from rest_framework import serializers

from balupi_site.accounts.nas_answers import LONGEST_TOKEN


class LoginSerializer(serializers.Serializer[None]):
    """Name and password, as BaluHost takes them."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, style={"input_type": "password"}
    )


class CodeSerializer(serializers.Serializer[None]):
    """The code of a second factor and the token that the login was answered with."""

    pending_token = serializers.CharField(max_length=LONGEST_TOKEN)
    code = serializers.CharField(
        max_length=32, help_text="Six to eight digits, or one of the backup codes."
    )


class UserSerializer(serializers.Serializer[None]):
    """A user in BaluHost's shape."""

    id = serializers.IntegerField(help_text="BaluPi's own number.")
    username = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(choices=["admin", "user"])
    is_active = serializers.BooleanField()
    smb_enabled = serializers.BooleanField(help_text="Always false: nobody has a share on the Pi.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(allow_null=True, help_text="Always null.")


class LoggedInSerializer(serializers.Serializer[None]):
    """A login that is complete."""

    access_token = serializers.CharField(help_text="Lives on while it is used.")
    token_type = serializers.ChoiceField(choices=["bearer"])
    user = UserSerializer()


class NeedsCodeSerializer(serializers.Serializer[None]):
    """A login that needs a code: the NAS's answer, unchanged."""

    requires_2fa = serializers.BooleanField()
    pending_token = serializers.CharField()
    token_type = serializers.CharField()
