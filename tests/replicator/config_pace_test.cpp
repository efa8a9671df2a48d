#include "replicator/config_pace.h"

#include <boost/test/unit_test.hpp>

namespace {

using namespace std::chrono_literals;
using ha::replicator::DeleteMode;
using ha::replicator::parse_command;
using ha::replicator::parse_delete;
using Words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(replicator_config_pace)

BOOST_AUTO_TEST_CASE(deletions_are_mirrored_kept_or_moved_aside_for_a_time) {
  BOOST_TEST((parse_delete("mirror")->mode == DeleteMode::Mirror));
  BOOST_TEST((parse_delete("never")->mode == DeleteMode::Never));
  BOOST_TEST((parse_delete("trash:30d")->mode == DeleteMode::Trash));
  BOOST_TEST((parse_delete("trash:30d")->trash_for == 24h * 30));
  for (const char* bad : {"", "trash", "trash:", "trash:30", "trash:1h", "trash:9999d", "Never", "always"}) {
    const auto rule = parse_delete(bad);
    BOOST_TEST(!rule.ok(), bad);
    BOOST_TEST(!rule.error().hint().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_command_is_cut_into_words_as_a_shell_does_without_expanding_anything) {
  BOOST_TEST((*parse_command("asterisk -rx 'core reload'") == Words{"asterisk", "-rx", "core reload"}));
  BOOST_TEST((*parse_command("  /bin/x\ta\\ b  \"c \\\" d\\e\" '' x'y'\"z\"  ") ==
              Words{"/bin/x", "a b", "c \" d\\e", "", "xyz"}));
  BOOST_TEST((*parse_command("sh -c 'a | b > $c'") == Words{"sh", "-c", "a | b > $c"}));
  BOOST_TEST((*parse_command("echo \\$HOME \\*") == Words{"echo", "$HOME", "*"}));
}

BOOST_AUTO_TEST_CASE(what_only_a_shell_could_do_is_refused_with_what_to_write) {
  for (const char* bad : {"a | b", "a > b", "rm *", "echo $HOME", "echo \"$HOME\"", "a; b", "a && b", "(a)",
                          "echo `a`", "ls [ab]"}) {
    const auto words = parse_command(bad);
    BOOST_REQUIRE_MESSAGE(!words.ok(), bad);
    BOOST_TEST(words.error().hint().find("sh -c") != std::string::npos);
  }
  for (const char* bad : {"", "  ", "''", "a 'b", "a \"b", "a\\", "@mwi-refresh", "bin/x", "./x", "a\nb"}) {
    BOOST_TEST(!parse_command(bad).ok(), bad);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
