
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_more_kinds_and_trouble_index'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='address',
            field=models.CharField(blank=True, help_text='Where the request came from.', max_length=45, verbose_name='address'),
        ),
        migrations.AlterField(
            model_name='event',
            name='at',
            field=models.DateTimeField(db_index=True, verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='event',
            name='duration_s',
            field=models.FloatField(blank=True, help_text='Seconds that what ended with it had lasted.', null=True, verbose_name='lasted, s'),
        ),
        migrations.AlterField(
            model_name='event',
            name='facts',
            field=models.JSONField(default=dict, help_text='What else is known of it.', verbose_name='facts'),
        ),
        migrations.AlterField(
            model_name='event',
            name='is_trouble',
            field=models.BooleanField(default=False, help_text='Somebody may want to do something about it.', verbose_name='trouble'),
        ),
        migrations.AlterField(
            model_name='event',
            name='kind',
            field=models.CharField(choices=[('nas.state', 'state of the NAS'), ('nas.call', 'call of the NAS'), ('nas.call_refused', 'call refused'), ('wake.requested', 'wake asked for'), ('wake.stage', 'stage of a wake'), ('wake.ended', 'end of a wake'), ('names.switched', 'names switched'), ('names.overridden', 'names held by hand'), ('names.released', 'names released'), ('inbox.moved', 'inbox moved'), ('inbox.held_up', 'inbox held up'), ('inbox.recovered', 'inbox moves again'), ('inbox.retried', 'files tried again'), ('plug.anomaly', 'something unusual'), ('plug.anomaly_over', 'as usual again'), ('plug.switched', 'plug switched'), ('plug.unlocked', 'plug unlocked'), ('login.accepted', 'login'), ('login.refused', 'login refused'), ('token.made', 'token made'), ('token.revoked', 'token revoked'), ('change.added', 'added'), ('change.edited', 'changed'), ('change.deleted', 'deleted'), ('change.command', 'command run')], max_length=32, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='event',
            name='subject',
            field=models.CharField(blank=True, help_text='What it happened to: a plug, a name, a user.', max_length=150, verbose_name='subject'),
        ),
        migrations.AlterField(
            model_name='event',
            name='via',
            field=models.CharField(blank=True, help_text='page, api, admin, command or nas.', max_length=16, verbose_name='via'),
        ),
        migrations.AlterField(
            model_name='event',
            name='who',
            field=models.CharField(blank=True, help_text='Empty: BaluPi by itself.', max_length=150, verbose_name='who'),
        ),
    ]
