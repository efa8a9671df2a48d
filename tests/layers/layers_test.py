#!/usr/bin/env python3
"""Shows that each rule fails on a small made-up tree that breaks it, and only then."""

import os
import tempfile
import unittest

import layers_rules

TABLE = """# Architecture
| stage | may also use | why |
|---|---|---|
| source | index | it writes there |
| model | schemas | the codec |
| tools/hareplicate | schemas, replicator/config | it reads the configuration |

| thread | what |
"""


class Layers(unittest.TestCase):
    def broken(self, rule, files, table=TABLE):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {"docs/architecture.md": table, **files}.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(layers_rules.RULES[rule](layers_rules.Tree(root)))

    def assert_broken(self, expected, rule, files, **more):
        found = self.broken(rule, files, **more)
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])

    def test_an_include_that_goes_down_is_fine(self):
        files = {"common/base/a.h": "", "replicator/model/b.h": '#include "common/base/a.h"\n'}
        self.assertEqual(self.broken("includes", files), [])

    def test_an_upward_include_fails(self):
        self.assert_broken("a.h:2: common/base may not include replicator/model/b.h", "includes", {
            "common/base/a.h": '#pragma once\n#include "replicator/model/b.h"\n',
            "replicator/model/b.h": ""})

    def test_a_stage_may_not_include_another_unless_it_is_granted(self):
        files = {"replicator/index/a.h": "", "replicator/source/b.cpp": '#include "replicator/index/a.h"\n'}
        self.assertEqual(self.broken("includes", files), [])
        table = TABLE.replace("| source | index |", "| source | delta |")
        self.assert_broken("may not include replicator/index/a.h", "includes", files, table=table)

    def test_a_grant_of_the_configuration_is_not_one_of_the_daemon(self):
        self.assert_broken("may not include replicator/pipeline.h", "includes", {
            "replicator/config.h": "", "replicator/pipeline.h": "",
            "tools/hareplicate/a.cpp": '#include "replicator/config.h"\n#include "replicator/pipeline.h"\n'})

    def test_an_include_in_a_comment_does_not_count(self):
        self.assertEqual(self.broken("includes", {
            "common/base/a.h": '// #include "replicator/model/b.h"\n/*\n#include "x.h"\n*/\n'}), [])

    def test_a_folder_on_no_floor_fails(self):
        self.assert_broken("is on no floor", "includes", {"replicator/extra/a.cpp": ""})

    def test_an_include_that_does_not_start_at_the_root_fails(self):
        self.assert_broken("not a path from the root", "includes", {
            "tests/base/a.h": "", "tests/base/a_test.cpp": '#include "a.h"\n'})

    def test_generated_headers_are_known(self):
        self.assertEqual(self.broken("includes", {
            "schemas/x.proto": "", "cmake/version.h.in": "",
            "replicator/main.cpp": '#include "schemas/x.pb.h"\n#include "version.h"\n'}), [])

    def test_a_cycle_of_files_fails(self):
        self.assert_broken("common/base/a.h -> common/base/b.h -> common/base/a.h", "cycles", {
            "common/base/a.h": '#include "common/base/b.h"\n',
            "common/base/b.h": '#include "common/base/a.h"\n'})

    def test_a_cycle_of_grants_fails(self):
        table = TABLE.replace("| source | index |", "| source | index |\n| index | source |")
        self.assert_broken("the grants make a cycle", "cycles", {}, table=table)

    def test_a_file_of_501_lines_fails_and_one_of_500_does_not(self):
        self.assertEqual(self.broken("sizes", {"common/base/a.cpp": "//\n" * 500}), [])
        self.assert_broken("501 lines", "sizes", {"common/base/a.cpp": "//\n" * 501})

    def test_a_line_of_111_columns_fails_counted_in_characters(self):
        self.assertEqual(self.broken("sizes", {"common/base/a.cpp": "ä" * 110}), [])
        self.assert_broken("111 columns", "sizes", {"common/base/a.cpp": "ä" * 111})

    def test_a_function_of_71_lines_fails_and_one_of_70_does_not(self):
        def body(lines):
            return "{\n" + "  x();\n" * (lines - 2) + "}\n"

        for head in ("int f()", "template <class T>\nauto f(T x) -> int", "A::A() : a_{1}, b_(2)",
                     "struct stat f()", "A::A(int x) noexcept\n    : a_{x}, b_{x}",
                     "BOOST_AUTO_TEST_SUITE(a)\nBOOST_AUTO_TEST_CASE(b)",
                     "bool A::operator==(const A& x) const", "static const auto f = [](int x)"):
            for around in ("%s", "namespace a::b {\nnamespace {\n%s}\n}",
                           "class A : public B {\n public:\n%s};\n"):
                text = around % (head + " " + body(70))
                self.assertEqual(self.broken("sizes", {"common/base/a.cpp": text}), [], text[:80])
                self.assert_broken("function of 71 lines", "sizes", {
                    "common/base/a.cpp": around % (head + " " + body(71))})

    def test_tables_and_strings_are_not_functions(self):
        for text in ("constexpr std::array kTable = {\n" + "  f(1),\n" * 90 + "};\n",
                     "namespace a {\n" + "int f() { return 1; }\n" * 90 + "}\n",
                     'const char* kText = R"(\nvoid f() {\n' + "x\n" * 90 + ')";\n',
                     "struct A {\n" + "  int a = f();\n" * 90 + "};\n"):
            self.assertEqual(self.broken("sizes", {"common/base/a.cpp": text}), [], text[:40])

    def test_a_python_function_of_71_lines_fails(self):
        text = "def f():\n" + "    x = 1\n" * 70
        self.assert_broken("function of 71 lines", "sizes", {"tests/a.py": text})

    def test_io_in_a_pure_folder_fails(self):
        for header in ("fstream", "unistd.h", "sys/file.h", "sys/socket.h", "thread", "mutex", "cstdio"):
            self.assert_broken(f"<{header}> in the pure folder", "purity", {
                "replicator/model/a.cpp": f"#include <{header}>\n"})
            self.assertEqual(self.broken("purity", {"common/base/a.cpp": f"#include <{header}>\n"}), [])

    def test_a_pure_folder_may_hash_but_not_open_files(self):
        self.assert_broken("common/sys/file.h in the pure folder", "purity", {
            "replicator/model/a.cpp": '#include "common/sys/digest.h"\n#include "common/sys/file.h"\n'})

    def test_a_pure_module_of_another_folder_fails_too(self):
        self.assert_broken("<unistd.h> in the pure folder", "purity", {
            "dnsupdater/plan.cpp": "#include <unistd.h>\n", "dnsupdater/main.cpp": "#include <unistd.h>\n"})

    def test_a_clock_outside_its_header_fails(self):
        call = "auto x = std::chrono::steady_clock::now();\n"
        files = {"common/base/clock.h": call, "common/base/a.h": "// " + call}
        self.assertEqual(self.broken("purity", files), [])
        for text in (call, "clock_gettime(CLOCK_REALTIME, &t);", "long t = time(nullptr);"):
            self.assert_broken("outside common/base/clock.h", "purity", {"common/base/a.cpp": text})
        self.assertEqual(self.broken("purity", {"common/base/a.cpp": "x.time(0); mtime(&t);"}), [])

    def test_a_unit_test_that_sleeps_fails(self):
        text = "std::this_thread::sleep_for(x);"
        self.assert_broken("sleep_for", "purity", {"tests/base/a_test.cpp": text})

    def test_a_third_party_header_in_two_files_fails(self):
        self.assert_broken("<zstd.h> is wrapped by common/base/a.cpp", "third_party", {
            "common/base/a.cpp": "#include <zstd.h>\n", "common/base/b.cpp": "#include <zstd.h>\n"})
        self.assert_broken("<nlohmann/json.hpp> in a header", "third_party", {
            "common/base/a.h": "#include <nlohmann/json.hpp>\n"})
        self.assert_broken("<ldns/keys.h> is wrapped by dnsupdater/message.cpp", "third_party", {
            "dnsupdater/message.cpp": "#include <stdbool.h>\n#include <ldns/ldns.h>\n",
            "dnsupdater/updater.cpp": "#include <stdbool.h>\n#include <ldns/keys.h>\n"})
        self.assertEqual(self.broken("third_party", {
            "common/base/a.cpp": "#include <sys/stat.h>\n#include <map>\n#include <sqlite3.h>\n",
            "common/base/b.cpp": "#include <sys/stat.h>\n#include <map>\n"}), [])

    def test_a_generated_protobuf_header_in_a_header_fails(self):
        self.assert_broken("in a header", "third_party", {
            "replicator/a.h": '#include "schemas/x.pb.h"\n', "schemas/x.proto": ""})

    def test_a_missing_table_is_an_error(self):
        with self.assertRaises(ValueError):
            self.broken("includes", {}, table="# Architecture\n")
        with self.assertRaises(ValueError):
            self.broken("includes", {}, table=TABLE.replace("| source |", "| sauce |"))


if __name__ == "__main__":
    unittest.main()
