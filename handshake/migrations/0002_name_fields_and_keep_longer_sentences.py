
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('handshake', '0001_calls_snapshots_inbox'),
    ]

    operations = [
        migrations.AlterField(
            model_name='inboxfile',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text="Failures that were the file's own.", verbose_name='attempts'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='finished_at',
            field=models.DateTimeField(blank=True, db_index=True, null=True, verbose_name='finished'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='is_copied',
            field=models.BooleanField(default=False, help_text='This version was seen on the NAS, whole.', verbose_name='copied'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='message',
            field=models.CharField(blank=True, max_length=600, verbose_name='message'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='name',
            field=models.TextField(verbose_name='name'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='noticed_at',
            field=models.DateTimeField(help_text='When this version was first seen.', verbose_name='noticed'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='size_bytes',
            field=models.PositiveBigIntegerField(verbose_name='size, bytes'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='status',
            field=models.CharField(choices=[('waiting', 'waiting'), ('sending', 'on its way'), ('failed', 'set aside'), ('done', 'on the NAS')], default='waiting', max_length=16, verbose_name='status'),
        ),
        migrations.AlterField(
            model_name='inboxfile',
            name='stored_as',
            field=models.TextField(blank=True, help_text='Its name on the NAS, where its own was taken.', verbose_name='stored as'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='asked_by',
            field=models.CharField(choices=[('arrival', 'the NAS came up'), ('schedule', 'the regular look'), ('command', 'a command'), ('admin', 'the admin')], max_length=16, verbose_name='asked by'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='bytes_moved',
            field=models.PositiveBigIntegerField(default=0, verbose_name='bytes moved'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='files_failed',
            field=models.PositiveIntegerField(default=0, verbose_name='files failed'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='files_moved',
            field=models.PositiveIntegerField(default=0, verbose_name='files moved'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='files_renamed',
            field=models.PositiveIntegerField(default=0, verbose_name='files renamed'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='finished_at',
            field=models.DateTimeField(blank=True, help_text='Empty while it runs, or where it was cut off.', null=True, verbose_name='finished'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='started_at',
            field=models.DateTimeField(db_index=True, verbose_name='started'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='tries',
            field=models.PositiveIntegerField(default=1, help_text='So often in a row it ended the same way.', verbose_name='tries'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='trouble',
            field=models.CharField(blank=True, max_length=32, verbose_name='trouble'),
        ),
        migrations.AlterField(
            model_name='inboxrun',
            name='trouble_detail',
            field=models.CharField(blank=True, max_length=200, verbose_name='trouble detail'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='bytes',
            field=models.PositiveBigIntegerField(default=0, verbose_name='bytes'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='disk_mark',
            field=models.CharField(blank=True, max_length=64, verbose_name='disk mark'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='failures',
            field=models.PositiveIntegerField(default=0, verbose_name='failures'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='files',
            field=models.PositiveIntegerField(default=0, verbose_name='files'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='left_lying',
            field=models.PositiveIntegerField(default=0, help_text='Junk and half files.', verbose_name='left lying'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='next_try_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='next try'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='scanned_at',
            field=models.DateTimeField(null=True, verbose_name='scanned'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='trouble',
            field=models.CharField(blank=True, max_length=32, verbose_name='trouble'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='trouble_detail',
            field=models.CharField(blank=True, max_length=200, verbose_name='trouble detail'),
        ),
        migrations.AlterField(
            model_name='inboxstatus',
            name='trouble_since',
            field=models.DateTimeField(blank=True, null=True, verbose_name='trouble since'),
        ),
        migrations.AlterField(
            model_name='nascall',
            name='client',
            field=models.CharField(help_text='The address that called.', max_length=45, verbose_name='client'),
        ),
        migrations.AlterField(
            model_name='nascall',
            name='kind',
            field=models.CharField(choices=[('nas-going-offline', 'going offline'), ('nas-coming-online', 'coming online')], max_length=32, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='nascall',
            name='received_at',
            field=models.DateTimeField(db_index=True, verbose_name='received'),
        ),
        migrations.AlterField(
            model_name='nascall',
            name='signed_at',
            field=models.DateTimeField(help_text="By the NAS's clock.", verbose_name='signed'),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='content',
            field=models.TextField(verbose_name='content'),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='received_at',
            field=models.DateTimeField(db_index=True, verbose_name='received'),
        ),
    ]
