from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nasctl", "0003_name_fields"),
    ]

    operations = [
        migrations.AlterField(
            model_name="wake",
            name="requested_by",
            field=models.CharField(
                blank=True,
                help_text="Empty: a visitor.",
                max_length=150,
                verbose_name="requested by",
            ),
        ),
    ]
