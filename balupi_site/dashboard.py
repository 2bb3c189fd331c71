"""placeholder while the apps grow."""

from django.http import HttpResponse


def dashboard(request):
    return HttpResponse("soon")


live = wake = dashboard
