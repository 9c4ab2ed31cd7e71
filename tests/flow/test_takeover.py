"""What a new run takes over from an older one."""


def test_runs_of_other_bundles_in_between_do_not_hide_finished_work(project, ended):
    project.writes("good", "a.txt", "A\n")
    project.script("bad", "pass", files_scope=["b.txt"])
    first = project.run()
    assert ended(first) == {"good": "done", "bad": "failed"}
    bundle = (project.top / "workstreams/bad.json").read_text()
    project.write("others/other.json", bundle.replace('"bad"', '"other"'))
    project.run(overrides={"run.jobs": 2, "paths.workstreams": "others"})
    project.writes("bad", "b.txt", "B\n")
    mended = project.run()
    assert ended(mended) == {"good": "done", "bad": "done"}
    with project.records() as records:
        assert records.run(mended.run_id).taken_from == first.run_id
        assert not records.attempts(mended.run_id, "good")
