#include "common/sys/sqlite.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

namespace {

using ha::Bytes;
using ha::BytesView;
using ha::Code;
using ha::Digest;
using ha::Result;
using ha::sys::Database;
using ha::sys::DatabaseOptions;
using ha::sys::OpenMode;
using ha::sys::Query;
using ha::sys::Schema;
using ha::sys::Statement;
using ha::sys::Transaction;

constexpr Schema kSchema = {"ledger", 0x1234, 3, "CREATE TABLE t (k BLOB PRIMARY KEY, v INTEGER)"};
constexpr const char* kInsert = "INSERT INTO t (k, v) VALUES (?, ?)";
constexpr const char* kCount = "SELECT count(*) FROM t";

template <typename T>
T value_of(Result<T> result) {
  if (!result.ok()) {
    BOOST_FAIL(result.error().what());
  }
  return std::move(result).value();
}

template <typename T>
Code error_code(const Result<T>& result) {
  BOOST_REQUIRE(!result.ok());
  return result.error().code();
}

struct Place {
  Place() : folder((std::filesystem::temp_directory_path() / "hareplicate-test-XXXXXX").string()) {
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    file = folder + "/a.db";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  [[nodiscard]] Result<Database> open(OpenMode mode = OpenMode::Create,
                                      const Schema& schema = kSchema) const {
    DatabaseOptions options;
    options.mode = mode;
    options.busy_timeout_ms = 0;
    return Database::open(file, schema, options);
  }
  std::string folder;
  std::string file;
};

void insert(Database& database, BytesView key, std::int64_t value) {
  Query query = value_of(database.query(kInsert));
  value_of(query->bind(key).bind(value).run());
}

std::int64_t count(Database& database) {
  Query query = value_of(database.query(kCount));
  BOOST_REQUIRE(value_of(query->step()));
  return query->integer(0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sys_sqlite)

BOOST_AUTO_TEST_CASE(values_come_back_as_they_were_bound) {
  Place place;
  Database database = value_of(place.open());
  Statement statement = value_of(database.prepare("SELECT ?, ?, ?, ?, ?, ?, NULL"));
  const Bytes awkward("a\0b\xff", 4);
  const Digest digest{1, 0xffffffffffffffffULL};
  statement.bind(awkward).bind(BytesView()).bind(std::int64_t{-5}).bind_u64(0xfffffffffffffff0ULL);
  statement.bind(digest).bind_text("text");
  BOOST_REQUIRE(value_of(statement.step()));
  BOOST_TEST((statement.bytes(0) == awkward));
  BOOST_TEST(!statement.is_null(1));
  BOOST_TEST(statement.bytes(1).empty());
  BOOST_TEST(statement.integer(2) == -5);
  BOOST_TEST(statement.u64(3) == 0xfffffffffffffff0ULL);
  BOOST_TEST((statement.digest(4) == digest));
  BOOST_TEST(statement.bytes(5) == "text");
  BOOST_TEST(statement.is_null(6));
  BOOST_TEST(statement.digest(5).is_zero());
  BOOST_TEST(!value_of(statement.step()));
}

BOOST_AUTO_TEST_CASE(a_new_file_is_private_and_keeps_its_rows) {
  Place place;
  {
    Database database = value_of(place.open());
    insert(database, "a", 1);
    BOOST_TEST(database.changed_rows() == 1);
  }
  struct stat facts {};
  BOOST_REQUIRE(::stat(place.file.c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777U) == 0600U);
  Database again = value_of(place.open(OpenMode::ReadWrite));
  BOOST_TEST(count(again) == 1);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_made_only_when_asked_to) {
  Place place;
  BOOST_TEST((error_code(place.open(OpenMode::ReadWrite)) == Code::NotFound));
  BOOST_TEST((error_code(place.open(OpenMode::ReadOnly)) == Code::NotFound));
  BOOST_TEST(!std::filesystem::exists(place.file));
  std::ofstream(place.file).flush();
  BOOST_TEST((error_code(place.open(OpenMode::ReadOnly)) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_written_is_an_error_with_the_reason) {
  DatabaseOptions options;
  options.mode = OpenMode::Create;
  const auto opened = Database::open("/nonexistent/folder/a.db", kSchema, options);
  BOOST_TEST((error_code(opened) == Code::NotFound));
  BOOST_TEST(opened.error().what().find("No such file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_programs_file_is_refused_and_left_alone) {
  Place place;
  const Schema other = {"other", 0x9999, 1, "CREATE TABLE x (y)"};
  { value_of(place.open(OpenMode::Create, other)); }
  const auto opened = place.open();
  BOOST_TEST((error_code(opened) == Code::Refused));
  BOOST_TEST(!opened.error().hint().empty());
  value_of(place.open(OpenMode::ReadWrite, other));
}

BOOST_AUTO_TEST_CASE(other_versions_are_refused_with_words) {
  Place place;
  { value_of(place.open()); }
  const auto older = place.open(OpenMode::ReadWrite, {"ledger", 0x1234, 2, ""});
  BOOST_TEST((error_code(older) == Code::Unsupported));
  BOOST_TEST(older.error().what() == "this ledger has version 3, this program knows version 2");
  BOOST_TEST(older.error().hint().find("newer") != std::string::npos);
  const auto newer = place.open(OpenMode::ReadWrite, {"ledger", 0x1234, 4, ""});
  BOOST_TEST((error_code(newer) == Code::Unsupported));
  BOOST_TEST(newer.error().hint().find("older") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_schema_that_fails_leaves_an_empty_file) {
  Place place;
  const Schema broken = {"ledger", 0x1234, 3, "CREATE TABLE a (b); CREATE NONSENSE"};
  BOOST_TEST((error_code(place.open(OpenMode::Create, broken)) == Code::Internal));
  Database database = value_of(place.open());
  BOOST_TEST(count(database) == 0);
}

BOOST_AUTO_TEST_CASE(a_transaction_without_commit_leaves_nothing) {
  Place place;
  Database database = value_of(place.open());
  {
    Transaction transaction = value_of(Transaction::begin(database, Transaction::Kind::Write));
    insert(database, "a", 1);
    BOOST_TEST(count(database) == 1);
  }
  BOOST_TEST(count(database) == 0);
  Transaction transaction = value_of(Transaction::begin(database, Transaction::Kind::Write));
  insert(database, "b", 1);
  BOOST_TEST((error_code(Transaction::begin(database, Transaction::Kind::Write)) == Code::Internal));
  value_of(transaction.commit());
  BOOST_TEST(count(database) == 1);
}

BOOST_AUTO_TEST_CASE(a_second_writer_waits_and_then_is_told) {
  Place place;
  Database first = value_of(place.open());
  Database second = value_of(place.open());
  Transaction transaction = value_of(Transaction::begin(first, Transaction::Kind::Write));
  BOOST_TEST((error_code(Transaction::begin(second, Transaction::Kind::Write)) == Code::Unavailable));
  value_of(transaction.commit());
  value_of(Transaction::begin(second, Transaction::Kind::Write));
}

BOOST_AUTO_TEST_CASE(a_snapshot_does_not_move_while_others_write) {
  Place place;
  Database writer = value_of(place.open());
  Database reader = value_of(place.open(OpenMode::ReadOnly));
  {
    Transaction snapshot = value_of(Transaction::begin(reader, Transaction::Kind::Read));
    insert(writer, "a", 1);
    BOOST_TEST(count(reader) == 0);
  }
  BOOST_TEST(count(reader) == 1);
}

BOOST_AUTO_TEST_CASE(a_reader_cannot_write) {
  Place place;
  Database writer = value_of(place.open());
  Database reader = value_of(place.open(OpenMode::ReadOnly));
  BOOST_TEST((error_code(reader.execute("DELETE FROM t")) == Code::Denied));
}

BOOST_AUTO_TEST_CASE(errors_say_what_and_which_kind) {
  Place place;
  Database database = value_of(place.open());
  const auto nonsense = database.prepare("SELECT nonsense FROM t");
  BOOST_TEST((error_code(nonsense) == Code::Internal));
  BOOST_TEST(nonsense.error().what().find("nonsense") != std::string::npos);
  BOOST_TEST((error_code(database.prepare(std::string(100'000, ' '))) == Code::Exhausted));
  insert(database, "a", 1);
  Query twice = value_of(database.query(kInsert));
  BOOST_TEST((error_code(twice->bind(BytesView("a")).bind(std::int64_t{2}).run()) == Code::Exists));
  Statement few = value_of(database.prepare("SELECT ?"));
  BOOST_TEST((error_code(few.bind(std::int64_t{1}).bind(std::int64_t{2}).step()) == Code::Internal));
  few.reset();
  BOOST_TEST(value_of(few.bind(std::int64_t{1}).step()));
}

BOOST_AUTO_TEST_CASE(statements_and_transactions_survive_moving_the_database) {
  Place place;
  Database first = value_of(place.open());
  insert(first, "a", 1);
  Transaction transaction = value_of(Transaction::begin(first, Transaction::Kind::Write));
  Database second = std::move(first);
  insert(second, "b", 2);
  value_of(transaction.commit());
  BOOST_TEST(count(second) == 2);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_corrupt_with_a_hint) {
  Place place;
  {
    Database database = value_of(place.open());
    for (int i = 0; i < 2000; ++i) {
      insert(database, std::to_string(i) + std::string(100, 'x'), i);
    }
    value_of(database.check());
  }
  {
    std::fstream file(place.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 10);
    file << std::string(4096 * 3, '\x5a');
  }
  {
    Database database = value_of(place.open());
    const auto checked = database.check();
    BOOST_TEST((error_code(checked) == Code::Corrupt));
    BOOST_TEST(!checked.error().hint().empty());
  }
  std::ofstream(place.file, std::ios::trunc) << std::string(10'000, 'n');
  BOOST_TEST((error_code(place.open()) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(memory_databases_need_no_file) {
  DatabaseOptions options;
  options.mode = OpenMode::Create;
  Database database = value_of(Database::open(":memory:", kSchema, options));
  insert(database, "a", 1);
  BOOST_TEST(count(database) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
