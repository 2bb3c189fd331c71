"""Django's own texts that our German catalog says: its own leaves them English, or has other words.

Nothing imports this: deploy/messages.sh finds the texts here, and our catalog comes before Django's.
"""

from django.utils.translation import gettext_noop as _

# The admin's forms and lists; our buttons say "Speichern".
_("Save and add another")
_("Save and continue editing")
_("Has date")
_("Show counts")
_("Enter the same password as before, for verification.")
# Users: not in Django's German so far.
_("After you’ve created a user, you’ll be able to edit more user options.")  # noqa: RUF001  # as Django has it
_("Password-based authentication")
_("Disabled")
_(
    "Whether the user will be able to authenticate using a password or not. If disabled, they may "
    "still be able to authenticate using other backends, such as Single Sign-On or LDAP."
)
