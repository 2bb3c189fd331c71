
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('energy', '0005_name_fields_and_keep_longer_sentences'),
        ('nasctl', '0002_hours_by_state'),
    ]

    operations = [
        migrations.AlterField(
            model_name='nashour',
            name='duration_s',
            field=models.FloatField(help_text='How long the NAS was in the state.', verbose_name='lasted, s'),
        ),
        migrations.AlterField(
            model_name='nashour',
            name='energy_wh',
            field=models.FloatField(help_text='Of the known part of that time; empty: nothing of it is known.', null=True, verbose_name='energy, Wh'),
        ),
        migrations.AlterField(
            model_name='nashour',
            name='hour',
            field=models.DateTimeField(help_text='Start of the hour, UTC.', verbose_name='hour'),
        ),
        migrations.AlterField(
            model_name='nashour',
            name='known_s',
            field=models.FloatField(help_text='How much of that time the energy is known of.', verbose_name='known, s'),
        ),
        migrations.AlterField(
            model_name='nashour',
            name='plug',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='energy.smartplug', verbose_name='plug'),
        ),
        migrations.AlterField(
            model_name='nashour',
            name='state',
            field=models.CharField(choices=[('unknown', 'not known yet'), ('offline', 'asleep'), ('booting', 'waking up'), ('online', 'awake'), ('shutting_down', 'going to sleep'), ('unreachable', 'not answering')], max_length=16, verbose_name='state'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='moved_at',
            field=models.DateTimeField(help_text='The last change; a restart of BaluHost alone does not change the state.', verbose_name='moved'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='planned',
            field=models.BooleanField(default=True, help_text='No where the NAS vanished while it should have been there.', verbose_name='planned'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='probed',
            field=models.BooleanField(default=False, help_text='A good probe was seen in this state: the name may lead to the NAS.', verbose_name='probed'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='reason',
            field=models.CharField(blank=True, max_length=32, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='since',
            field=models.DateTimeField(help_text='Since when it is in this state.', verbose_name='since'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='state',
            field=models.CharField(choices=[('unknown', 'not known yet'), ('offline', 'asleep'), ('booting', 'waking up'), ('online', 'awake'), ('shutting_down', 'going to sleep')], default='unknown', max_length=16, verbose_name='state'),
        ),
        migrations.AlterField(
            model_name='nasstatus',
            name='wake',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='nasctl.wake', verbose_name='wake'),
        ),
        migrations.AlterField(
            model_name='statechange',
            name='at',
            field=models.DateTimeField(db_index=True, verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='statechange',
            name='evidence',
            field=models.JSONField(default=dict, verbose_name='evidence'),
        ),
        migrations.AlterField(
            model_name='statechange',
            name='from_state',
            field=models.CharField(choices=[('unknown', 'not known yet'), ('offline', 'asleep'), ('booting', 'waking up'), ('online', 'awake'), ('shutting_down', 'going to sleep')], max_length=16, verbose_name='from state'),
        ),
        migrations.AlterField(
            model_name='statechange',
            name='reason',
            field=models.CharField(max_length=32, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='statechange',
            name='to_state',
            field=models.CharField(choices=[('unknown', 'not known yet'), ('offline', 'asleep'), ('booting', 'waking up'), ('online', 'awake'), ('shutting_down', 'going to sleep')], max_length=16, verbose_name='to state'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='deadline_at',
            field=models.DateTimeField(verbose_name='deadline'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='failed_stage',
            field=models.CharField(blank=True, max_length=16, verbose_name='failed stage'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='finished_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='finished'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='healthy_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='healthy'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='message',
            field=models.CharField(blank=True, max_length=300, verbose_name='message'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='packet_sent_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='packet sent'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='port_answered_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='port answered'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='power_seen_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='power seen'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='previous_state',
            field=models.CharField(choices=[('unknown', 'not known yet'), ('offline', 'asleep'), ('booting', 'waking up'), ('online', 'awake'), ('shutting_down', 'going to sleep')], max_length=16, verbose_name='previous state'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='requested_at',
            field=models.DateTimeField(db_index=True, verbose_name='requested'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='requested_by',
            field=models.CharField(max_length=150, verbose_name='requested by'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='requested_from',
            field=models.CharField(help_text='api, page or command', max_length=16, verbose_name='requested from'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='result',
            field=models.CharField(choices=[('running', 'running'), ('succeeded', 'awake'), ('failed', 'did not wake up')], default='running', max_length=16, verbose_name='result'),
        ),
        migrations.AlterField(
            model_name='wake',
            name='watches_power',
            field=models.BooleanField(default=True, help_text="The plug's readings were fresh; else its stage is left out.", verbose_name='watches power'),
        ),
    ]
