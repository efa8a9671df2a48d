// SQLite as this project uses it: one connection, statements that are prepared once, transactions.
//
// Not a query builder and not an ORM: SQL is written where it is used. Every connection is in WAL mode with
// foreign programs kept out by application_id, and every write survives a power cut (synchronous = FULL).
//
// Thread safety: one connection and all its statements are used by one thread at a time (they may wander
// between threads). Several connections to one file, in one or more threads, are independent.
// Errors, everywhere: Corrupt (the file is damaged or no database; hint), NoSpace, Denied, NotFound (no such
// file), Unavailable (locked for longer than the busy timeout), Exhausted (memory, a value too big), Exists
// (a unique key), Cancelled, Io, Internal (our own bad SQL or misuse). Source: SQLite 3.40, sqlite.org/c3ref
// and sqlite.org/wal.html.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/bytes.h"
#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ha::sys {

// A prepared statement. Parameters are bound in their order; the first bind that fails is what step()
// returns. Bound bytes are borrowed until reset().
class Statement {
 public:
  Statement& bind(std::int64_t value);
  Statement& bind_u64(std::uint64_t value);  // the bit pattern: for equality, not for order
  Statement& bind(BytesView blob);           // an empty view is an empty blob, not NULL
  Statement& bind(const Digest& digest);     // 16 bytes, high then low, little-endian; copied
  Statement& bind_text(std::string_view text);

  // True: there is a row to read with the columns below. False: the end.
  Result<bool> step();
  // Steps to the end, passing over rows, and resets.
  Status run();
  // Forgets row and parameters; the statement may be bound again.
  void reset() noexcept;

  // Columns of the current row, from 0. Views hold until the next step(), run() or reset().
  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::uint64_t u64(int column) const noexcept;
  [[nodiscard]] BytesView bytes(int column) const noexcept;  // blob or text; NULL is empty
  [[nodiscard]] Digest digest(int column) const noexcept;    // zero unless the column has 16 bytes

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  explicit Statement(sqlite3_stmt* statement) : handle_(statement) {}
  Statement& note(int result_code) noexcept;

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int next_parameter_ = 1;
  int bind_error_ = 0;
};

// A cached statement on loan from its Database; resets it at the end of the scope.
class Query {
 public:
  explicit Query(Statement& statement) noexcept : statement_(&statement) {}
  ~Query() {
    if (statement_ != nullptr) {
      statement_->reset();
    }
  }
  Query(Query&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Query& operator=(Query&&) = delete;
  Statement* operator->() const noexcept { return statement_; }
  Statement& operator*() const noexcept { return *statement_; }

 private:
  Statement* statement_;
};

enum class OpenMode { ReadOnly, ReadWrite, Create };  // Create: made with mode 0600 if it does not exist

struct DatabaseOptions {
  OpenMode mode = OpenMode::ReadWrite;
  bool synchronous_full = true;  // false: NORMAL; a power cut may then lose the last commits, never integrity
  int busy_timeout_ms = 5000;
  int cache_kib = 1024;
  int wal_kib_max = 4096;  // the WAL file is cut back to this after a checkpoint
};

// What a file has to be: `sql` creates it when the file is empty.
struct Schema {
  std::string_view what;  // for messages: "index"
  std::int32_t application_id = 0;
  std::int32_t version = 0;  // > 0
  std::string_view sql;      // statements, without the two pragmas
};

class Database {
 public:
  // `path` may be ":memory:". An empty file is given `schema`, any other must have it already: Refused if it
  // is another program's (and then not touched), Unsupported if its version is older or newer (hint).
  // NotFound if there is no file and mode is not Create.
  static Result<Database> open(const std::string& path, const Schema& schema, const DatabaseOptions& options);

  // One or more statements whose rows nobody wants.
  Status execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The same statement every time, prepared once. `sql` is a string literal or lives as long: the cache goes
  // by its address. The statement must not be on loan already.
  Result<Query> query(const char* sql);

  // Whether the file's structure is sound (PRAGMA quick_check): Corrupt with SQLite's first finding. Reads
  // the whole file. Not seen: bytes changed within a value.
  Status check();

  // Rows touched by the last INSERT, UPDATE or DELETE.
  [[nodiscard]] std::int64_t changed_rows() const noexcept;

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  explicit Database(sqlite3* database) : handle_(database) {}
  Status require(const Schema& schema, OpenMode mode);
  Status create(const Schema& schema);
  Status configure(const DatabaseOptions& options);
  Result<std::int64_t> read_integer(std::string_view sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, Statement> statements_;  // after handle_, so that they go first
};

// A transaction; rolls back unless committed. The Database must outlive it (it may be moved).
class Transaction {
 public:
  // Read: a snapshot that starts here and holds back the WAL's checkpoint, so keep it short. Write: takes the
  // write lock now, Unavailable if another connection keeps it beyond the busy timeout.
  enum class Kind { Read, Write };
  static Result<Transaction> begin(Database& database, Kind kind);

  // On an error the transaction is rolled back.
  Status commit();
  void roll_back() noexcept;

  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

 private:
  explicit Transaction(sqlite3* handle) noexcept : handle_(handle) {}
  sqlite3* handle_;  // borrowed; null when it is over
};

}  // namespace ha::sys
