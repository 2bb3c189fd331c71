from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("energy", "0002_tariffs_unlocks_anomalies"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="powersample",
            name="one_sample_per_plug_and_time",
        ),
        migrations.AddConstraint(
            model_name="powersample",
            constraint=models.UniqueConstraint(
                fields=("at", "plug"), name="one_sample_per_time_and_plug"
            ),
        ),
    ]
