
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_accounts_and_tokens'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='nasaccount',
            name='confirmed_at',
            field=models.DateTimeField(help_text='When the NAS last knew this user.', verbose_name='confirmed'),
        ),
        migrations.AlterField(
            model_name='nasaccount',
            name='is_blocked_by_nas',
            field=models.BooleanField(default=False, help_text='The NAS said last that the account is not active.', verbose_name='blocked by the NAS'),
        ),
        migrations.AlterField(
            model_name='nasaccount',
            name='nas_user_id',
            field=models.BigIntegerField(help_text="The user's number at the NAS.", unique=True, verbose_name='number at the NAS'),
        ),
        migrations.AlterField(
            model_name='nasaccount',
            name='password_at',
            field=models.DateTimeField(blank=True, help_text='When the NAS last took the password.', null=True, verbose_name='password taken'),
        ),
        migrations.AlterField(
            model_name='nasaccount',
            name='role',
            field=models.CharField(help_text='As the NAS says; “admin” is admin here.', max_length=32, verbose_name='role'),
        ),
        migrations.AlterField(
            model_name='nasaccount',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='nas_account', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
        migrations.AlterField(
            model_name='nastoken',
            name='expires_at',
            field=models.DateTimeField(db_index=True, verbose_name='expires'),
        ),
        migrations.AlterField(
            model_name='nastoken',
            name='secret_hash',
            field=models.CharField(max_length=64, unique=True, verbose_name='secret hash'),
        ),
        migrations.AlterField(
            model_name='nastoken',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
        migrations.AlterField(
            model_name='token',
            name='created_at',
            field=models.DateTimeField(verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='token',
            name='days',
            field=models.PositiveSmallIntegerField(help_text='How many days it lives unused.', verbose_name='days'),
        ),
        migrations.AlterField(
            model_name='token',
            name='expires_at',
            field=models.DateTimeField(help_text='Moves on while it is used.', verbose_name='expires'),
        ),
        migrations.AlterField(
            model_name='token',
            name='hint',
            field=models.CharField(help_text='How the token begins.', max_length=16, verbose_name='hint'),
        ),
        migrations.AlterField(
            model_name='token',
            name='kind',
            field=models.CharField(choices=[('login', 'login'), ('made', 'made by hand')], max_length=8, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='token',
            name='label',
            field=models.CharField(blank=True, max_length=80, verbose_name='label'),
        ),
        migrations.AlterField(
            model_name='token',
            name='last_used_at',
            field=models.DateTimeField(blank=True, help_text='To the hour, to spare the card.', null=True, verbose_name='last used'),
        ),
        migrations.AlterField(
            model_name='token',
            name='last_used_from',
            field=models.CharField(blank=True, max_length=45, verbose_name='last used from'),
        ),
        migrations.AlterField(
            model_name='token',
            name='revoked_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='revoked'),
        ),
        migrations.AlterField(
            model_name='token',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='balupi_tokens', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
    ]
