
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('energy', '0004_find_lasting_anomalies'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='anomaly',
            options={'ordering': ['-began_at', '-pk'], 'verbose_name': 'anomaly', 'verbose_name_plural': 'anomalies'},
        ),
        migrations.AlterModelOptions(
            name='energyhour',
            options={'verbose_name': 'hour of energy', 'verbose_name_plural': 'hours of energy'},
        ),
        migrations.AlterModelOptions(
            name='powersample',
            options={'verbose_name': 'power sample', 'verbose_name_plural': 'power samples'},
        ),
        migrations.AlterModelOptions(
            name='smartplug',
            options={'ordering': ['name', 'pk'], 'verbose_name': 'smart plug', 'verbose_name_plural': 'smart plugs'},
        ),
        migrations.AlterModelOptions(
            name='switchunlock',
            options={'ordering': ['-at', '-pk'], 'verbose_name': 'switch unlock', 'verbose_name_plural': 'switch unlocks'},
        ),
        migrations.AlterModelOptions(
            name='tariff',
            options={'ordering': ['-valid_from', '-pk'], 'verbose_name': 'tariff', 'verbose_name_plural': 'tariffs'},
        ),
        migrations.AlterModelOptions(
            name='tariffzone',
            options={'ordering': ['tariff', 'start', 'pk'], 'verbose_name': 'tariff zone', 'verbose_name_plural': 'tariff zones'},
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='began_at',
            field=models.DateTimeField(db_index=True, verbose_name='began'),
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='ended_at',
            field=models.DateTimeField(blank=True, help_text='Empty: it lasts.', null=True, verbose_name='ended'),
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='facts',
            field=models.JSONField(default=dict, help_text='The figures that it was concluded from.', verbose_name='facts'),
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='kind',
            field=models.CharField(max_length=32, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='plug',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='anomalies', to='energy.smartplug', verbose_name='plug'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='coverage',
            field=models.FloatField(help_text='Measured part of the hour, 0 to 1.', verbose_name='coverage'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='energy_wh',
            field=models.FloatField(verbose_name='energy, Wh'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='hour',
            field=models.DateTimeField(help_text='Start of the hour, UTC.', verbose_name='hour'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='plug',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='energy.smartplug', verbose_name='plug'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='power_avg_w',
            field=models.FloatField(null=True, verbose_name='power avg, W'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='power_max_w',
            field=models.FloatField(null=True, verbose_name='power max, W'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='power_min_w',
            field=models.FloatField(null=True, verbose_name='power min, W'),
        ),
        migrations.AlterField(
            model_name='energyhour',
            name='source',
            field=models.CharField(choices=[('measured', 'measured'), ('plug', "the plug's memory"), ('mixed', "measured in part, completed from the plug's memory")], default='measured', max_length=8, verbose_name='source'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='at',
            field=models.DateTimeField(verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='current_a',
            field=models.FloatField(null=True, verbose_name='current, A'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='plug',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='energy.smartplug', verbose_name='plug'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='power_w',
            field=models.FloatField(verbose_name='power, W'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='today_energy_wh',
            field=models.FloatField(help_text="The plug's own counter since its midnight.", null=True, verbose_name='today energy, Wh'),
        ),
        migrations.AlterField(
            model_name='powersample',
            name='voltage_v',
            field=models.FloatField(null=True, verbose_name='voltage, V'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='connection',
            field=models.JSONField(blank=True, default=dict, help_text='How python-kasa connects, as discovery found it; no secrets.', verbose_name='connection'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='created_at',
            field=models.DateTimeField(auto_now_add=True, verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='device_id',
            field=models.CharField(max_length=64, unique=True, verbose_name='device id'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='enabled',
            field=models.BooleanField(default=True, help_text='Poll this plug.', verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='firmware_version',
            field=models.CharField(blank=True, max_length=64, verbose_name='firmware version'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='host',
            field=models.GenericIPAddressField(protocol='IPv4', verbose_name='host'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='mac',
            field=models.CharField(help_text='aa:bb:cc:dd:ee:ff', max_length=17, unique=True, verbose_name='MAC address'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='memory_message',
            field=models.CharField(blank=True, editable=False, help_text="Why the plug's memory cannot fill missing hours; empty where it can.", max_length=600),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='model',
            field=models.CharField(blank=True, max_length=32, verbose_name='model'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='name',
            field=models.CharField(max_length=64, verbose_name='name'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='role',
            field=models.CharField(choices=[('nas', 'NAS'), ('generic', 'generic')], default='generic', max_length=16, verbose_name='role'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='status',
            field=models.CharField(choices=[('unknown', 'not asked yet'), ('ok', 'answers'), ('unreachable', 'no answer'), ('login_refused', 'login refused'), ('needs_setting', 'third-party access is off'), ('wrong_device', 'another device at its address')], default='unknown', max_length=16, verbose_name='status'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='status_message',
            field=models.CharField(blank=True, max_length=600, verbose_name='status message'),
        ),
        migrations.AlterField(
            model_name='smartplug',
            name='status_since',
            field=models.DateTimeField(blank=True, null=True, verbose_name='status since'),
        ),
        migrations.AlterField(
            model_name='switchunlock',
            name='at',
            field=models.DateTimeField(verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='switchunlock',
            name='plug',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='unlocks', to='energy.smartplug', verbose_name='plug'),
        ),
        migrations.AlterField(
            model_name='switchunlock',
            name='unlocked_by',
            field=models.CharField(max_length=150, verbose_name='unlocked by'),
        ),
        migrations.AlterField(
            model_name='switchunlock',
            name='unlocked_from',
            field=models.CharField(help_text="The client's address, or the command.", max_length=45, verbose_name='unlocked from'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='base_fee_per_month',
            field=models.DecimalField(decimal_places=2, default=0, max_digits=10, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000)], verbose_name='base fee per month'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='created_at',
            field=models.DateTimeField(auto_now_add=True, verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='currency',
            field=models.CharField(default='EUR', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}\\Z', 'Three capitals, such as EUR.')], verbose_name='currency'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='is_active',
            field=models.BooleanField(default=True, help_text='Others are kept, but not counted with.', verbose_name='counts'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='name',
            field=models.CharField(max_length=64, verbose_name='name'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='price_per_kwh',
            field=models.DecimalField(decimal_places=6, help_text='In the currency, such as 0.32; outside the zones below, if there are any.', max_digits=12, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000)], verbose_name='price per kWh'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='valid_from',
            field=models.DateField(blank=True, help_text='The first day; empty: since ever.', null=True, verbose_name='valid from'),
        ),
        migrations.AlterField(
            model_name='tariff',
            name='valid_to',
            field=models.DateField(blank=True, help_text='The day after the last one; empty: until further notice.', null=True, verbose_name='valid to'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='end',
            field=models.TimeField(help_text='Not after the start: on the next day.', verbose_name='end'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='name',
            field=models.CharField(max_length=32, verbose_name='name'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='price_per_kwh',
            field=models.DecimalField(decimal_places=6, max_digits=12, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100000)], verbose_name='price per kWh'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='start',
            field=models.TimeField(verbose_name='start'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='tariff',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='zones', to='energy.tariff', verbose_name='tariff'),
        ),
        migrations.AlterField(
            model_name='tariffzone',
            name='weekdays',
            field=models.CharField(default='0123456', help_text='The days on which it begins: 0 is Monday, 6 Sunday.', max_length=7, validators=[django.core.validators.RegexValidator('^[0-6]{1,7}\\Z', 'Digits from 0 (Monday) to 6 (Sunday).')], verbose_name='weekdays'),
        ),
    ]
