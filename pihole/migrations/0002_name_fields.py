
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pihole', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='namestatus',
            name='changed_at',
            field=models.DateTimeField(blank=True, help_text='When the names were last told to lead elsewhere.', null=True, verbose_name='changed'),
        ),
        migrations.AlterField(
            model_name='namestatus',
            name='override',
            field=models.CharField(blank=True, choices=[('nas', 'NAS'), ('pi', 'Pi')], help_text="What a person chose; ends with the NAS's next change of state.", max_length=3, verbose_name='override'),
        ),
        migrations.AlterField(
            model_name='namestatus',
            name='override_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='override since'),
        ),
        migrations.AlterField(
            model_name='namestatus',
            name='override_by',
            field=models.CharField(blank=True, max_length=150, verbose_name='override by'),
        ),
        migrations.AlterField(
            model_name='namestatus',
            name='reason',
            field=models.CharField(blank=True, help_text='Why that is wanted.', max_length=64, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='namestatus',
            name='wanted',
            field=models.CharField(blank=True, choices=[('nas', 'NAS'), ('pi', 'Pi')], help_text="What follows from the NAS's state. Empty: leave the names as they are.", max_length=3, verbose_name='wanted'),
        ),
        migrations.AlterField(
            model_name='nameswitch',
            name='address',
            field=models.GenericIPAddressField(protocol='IPv4', verbose_name='address'),
        ),
        migrations.AlterField(
            model_name='nameswitch',
            name='at',
            field=models.DateTimeField(db_index=True, verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='nameswitch',
            name='reason',
            field=models.CharField(max_length=200, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='nameswitch',
            name='target',
            field=models.CharField(choices=[('nas', 'NAS'), ('pi', 'Pi')], max_length=3, verbose_name='target'),
        ),
    ]
