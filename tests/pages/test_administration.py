"""Pages for site administrators: the server, its organizations, users and jobs; for no one else."""

import shutil

import pytest
from sqlalchemy import update

from common.backend import Backend
from common.db.tables.installation import jobs
from common.db.tables.people import users
from common.rights.caller import Caller
from functions.jobs import JOBS, Job, Step, run_due
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.settings import with_settings
from tests.factories.stacks import make_stack
from tests.pages.payloads import PAYLOADS
from tests.pages.test_hostile import dangers
from tests.pages.visiting import HTML, Visit, location, shown, values

ORGANIZATIONS, USERS, RUNS = "/admin/organizations", "/admin/users", "/admin/jobs"
DOCTOR, BACKUPS = "/admin/doctor", "/admin/backups"
PAGES = ("/admin", DOCTOR, BACKUPS, ORGANIZATIONS, USERS, RUNS, "/admin/mails", "/admin/messages")
STATEMENTS = 6
ROW = r'<th scope="row"[^>]*>([^<]*?)(?: <|<)'


def listed(visit: Visit, path: str, **query: str) -> list[str]:
    """The first cells of a list, in order."""
    page = visit.get(path, **query)
    assert 200 == page.status_code
    return list(values(page, ROW))


def fail(_backend: Backend, _resume_after: str) -> Step:
    """Fail as a job does whose store does not answer."""
    raise ConnectionError


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_are_for_site_administrators(self, backend: Backend, visit: Visit, path: str) -> None:
        """Strangers sign in first; everyone else is refused, an admin of an organization too."""
        stranger = location(visit.open(path))
        visit.sign_in(make_user(backend, "alice", org="acme"))

        assert stranger.startswith("/signin?return_to=%2Fadmin")
        assert 403 == visit.open(path).status_code
        assert 403 == visit.send(RUNS, on="/settings/account", name="send_mail").status_code

    @pytest.mark.parametrize("path", PAGES)
    def test_cost_few_statements(self, backend: Backend, admin: Caller, member: Visit, counter: Counter, path: str) -> None:
        """However much there is, a page is a handful of statements."""
        make_stack(backend, admin)
        member.get(path)
        counter.reset()

        assert 200 == member.get(path).status_code
        assert counter.statements <= STATEMENTS, counter.texts

    @pytest.mark.parametrize("path", PAGES)
    def test_show_texts_as_text(self, backend: Backend, member: Visit, path: str) -> None:
        """Names, problems and searches are never markup."""
        payload = "\n".join(PAYLOADS)
        run_due(backend)
        make_user(backend, "olga")
        with backend.db.begin() as tx:
            tx.execute(update(users).values(name=payload[:255]).where(users.c.login == "olga"))
            tx.execute(update(jobs).values(problem=payload[:255]))
        pages = [member.open(path), member.open(path, q="".join(PAYLOADS)[:2000])]

        assert [200, 200] == [page.status_code for page in pages]
        assert [[], []] == [dangers(page.text) for page in pages]

    def test_of_the_organization_admin_go_on(self, backend: Backend, member: Visit) -> None:
        """The first administrator's own organization has the same first part in its addresses, and keeps its stacks."""
        assert "Stacks" in shown(member.open("/admin/stacks"))
        assert "/admin/stacks?project=shop" == location(member.client.get("/admin/shop", headers=HTML))
        assert backend.settings.threads


class TestServer:
    def test_has_what_is_in_use(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Database and its revision, stores, key, addresses, and how much there is."""
        make_stack(backend, admin)
        make_user(backend, "olga")
        text = shown(member.get("/admin"))

        for part in ("Up to date, at revision", "Organizations 1", "Users 2", "Stacks 1", "Failed jobs None", "Mail server None"):
            assert part in text
        assert "SQLite" in text or "MySQL" in text

    def test_names_settings_to_look_at(self, backend: Backend, admin: Caller) -> None:
        """A setting that has no effect is named, without its value."""
        visit = Visit(with_settings(backend, PULUMI_LICENSE_KEY="not-a-secret"))
        visit.sign_in()
        text = shown(visit.get("/admin"))

        assert admin.site_admin
        assert "PULUMI_LICENSE_KEY is set but ignored" in text
        assert "not-a-secret" not in text


class TestDoctor:
    def test_has_the_checks_that_change_nothing(self, backend: Backend, member: Visit) -> None:
        """The page says how the database and the jobs are; stores and key are tested on demand only."""
        run_due(backend)
        text = shown(member.get(DOCTOR))

        assert "Database OK The tables are at revision" in text
        assert "Jobs OK Every job ran in time and succeeded." in text
        assert "The test stores a document" in text
        assert "Mail Not set up No mail server is set up" in text

    def test_tries_stores_and_key(self, backend: Backend, member: Visit) -> None:
        """The button stores, reads and deletes a document, and uses the key."""
        text = shown(member.send(DOCTOR, on=DOCTOR))

        assert "OK A document was stored, read and deleted." in text
        assert "OK A key was encrypted and decrypted." in text
        assert "The test stores" not in text
        assert backend.settings.threads

    @pytest.mark.dialects("sqlite")
    def test_says_what_failed(self, backend: Backend, member: Visit) -> None:
        """A store that keeps nothing is named with its setting, and the page has the other checks too."""
        store = next(store for store in backend.plan.stores.values() if store.folder is not None)
        assert store.folder is not None
        shutil.rmtree(store.folder, ignore_errors=True)
        store.folder.write_text("no folder")
        text = shown(member.send(DOCTOR, on=DOCTOR))

        assert f"Failed {store.setting}: " in text
        assert "Database OK" in text

    def test_names_jobs_that_no_process_runs(self, backend: Backend, member: Visit) -> None:
        """A job that has been due for long says that the schedule does not run."""
        run_due(backend)
        with backend.db.begin() as tx:
            tx.execute(update(jobs).where(jobs.c.name == "send_mail").values(due_at=1))

        assert "Jobs Failed Due for more than 15 minutes: send_mail." in shown(member.get(DOCTOR))

    def test_counts_what_was_given_up(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Messages that were given up and jobs that failed are warnings, with the number or the kind of error."""
        run_due(backend, [Job("delete_expired", 10, fail)])
        text = shown(member.get(DOCTOR))

        assert admin.site_admin
        assert "Jobs Warning delete_expired failed: ConnectionError" in text
        assert "Messages OK No message was given up." in text


class TestLists:
    def test_of_organizations_have_all(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Personal ones are marked; members and stacks are counted; a search finds parts of names."""
        make_user(backend, "olga", org="acme")
        make_stack(backend, admin)
        text = shown(member.get(ORGANIZATIONS))

        assert ["acme", "admin", "olga"] == listed(member, ORGANIZATIONS)
        assert ["acme"] == listed(member, ORGANIZATIONS, q="CM")
        assert "acme acme 2 1" in text
        assert "olga Personal Olga 1 0" in text
        assert "No organizations match" in shown(member.get(ORGANIZATIONS, q="%"))

    def test_of_users_have_people_alone(self, backend: Backend, member: Visit) -> None:
        """Site administrators are marked; a search looks at names and addresses."""
        make_user(backend, "olga", org="acme")
        text = shown(member.get(USERS))

        assert ["admin", "olga"] == listed(member, USERS)
        assert ["olga"] == listed(member, USERS, q="olga@example")
        assert "admin Site administrator" in text
        assert "olga Olga olga@example.com 1 Not used yet" in text

    def test_are_paged(self, backend: Backend, member: Visit) -> None:
        """Fifty rows a page; the search goes along."""
        for number in range(51):
            make_user(backend, f"user{number:02}")
        (following,) = values(member.get(USERS, q="user"), r'<a href="([^"]*)" rel="next">')

        assert f"{USERS}?q=user&page=2" == following
        assert ["user50"] == listed(member, following)


class TestJobs:
    def test_have_their_last_run(self, backend: Backend, member: Visit) -> None:
        """Every job is listed; one that has run says when, how much it did, and when it runs next."""
        before = shown(member.get(RUNS))
        run_due(backend)
        after = shown(member.get(RUNS))

        assert sorted(job.name for job in JOBS) == listed(member, RUNS)
        assert before.count("None yet") == len(JOBS)
        assert "None yet" not in after
        assert "delete_expired 1 hour 2 Jan 2026, 03:04 UTC Succeeded nothing to do" in after

    def test_say_what_failed(self, backend: Backend, member: Visit) -> None:
        """A failure is named until the next run succeeds, on the page of the server too."""
        run_due(backend, [Job("delete_expired", 10, fail)])
        failed, server = shown(member.get(RUNS)), shown(member.get("/admin"))
        member.send(RUNS, on=RUNS, name="delete_expired")
        run_due(backend)

        assert "Failed ConnectionError" in failed
        assert "Failed jobs 1" in server
        assert "ConnectionError" not in shown(member.get(RUNS))

    def test_run_now(self, backend: Backend, member: Visit) -> None:
        """A job that is not due runs at the next look when it was asked for."""
        run_due(backend)
        idle = run_due(backend)
        response = member.send(RUNS, on=RUNS, name="delete_unused_blobs")

        assert [] == idle
        assert "The job runs as soon as" in shown(member.get(location(response)))
        assert ["delete_unused_blobs"] == run_due(backend)

    @pytest.mark.parametrize("name", ["", "nonsense"])
    def test_that_are_unknown_are_not_found(self, backend: Backend, member: Visit, name: str) -> None:
        """A form that names no job changes nothing."""
        run_due(backend)

        assert 404 == member.send(RUNS, on=RUNS, name=name).status_code
        assert [] == run_due(backend)
