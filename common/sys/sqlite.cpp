#include "common/sys/sqlite.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

namespace ha::sys {
namespace {

constexpr int kSqlBytesMax = 64 * 1024;
constexpr const char* kDamagedHint = "the file is damaged; move it aside and a new one is made";

Code code_of(int extended) {
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) {
    return Code::Exists;
  }
  switch (extended & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Code::Corrupt;
    case SQLITE_FULL:
      return Code::NoSpace;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::Unavailable;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return Code::Denied;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return Code::Exhausted;
    case SQLITE_INTERRUPT:
      return Code::Cancelled;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
      return Code::Io;
    default:
      return Code::Internal;
  }
}

// The text comes from the connection when it has one for this very error.
Error error_of(sqlite3* handle, int extended) {
  const bool known = handle != nullptr && sqlite3_extended_errcode(handle) == extended;
  std::string text = known ? sqlite3_errmsg(handle) : sqlite3_errstr(extended);
  text += " (SQLite " + std::to_string(extended);
  if (const int system = known ? sqlite3_system_errno(handle) : 0;
      system != 0 && code_of(extended) == Code::Io) {
    text += ", " + errno_error("system", system).what();
  }
  text += ")";
  const Code code = code_of(extended);
  return {code, std::move(text), code == Code::Corrupt ? kDamagedHint : ""};
}

// SQLite would make the file with 0644 and give that mode to the WAL, too. Only ever a new file is opened
// here: closing a descriptor of a file that is in use would drop SQLite's POSIX locks on it.
Status make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno == EEXIST ? ok() : Status(errno_error("cannot create", errno));
  }
  ::close(fd);
  return ok();
}

Status check_path(const std::string& path, OpenMode mode) {
  if (path == ":memory:") {
    return ok();
  }
  if (mode == OpenMode::Create) {
    return make_private_file(path);
  }
  return ::access(path.c_str(), F_OK) == 0 ? ok() : Status(errno_error("cannot open", errno));
}

}  // namespace

// --- Statement ---

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement& Statement::note(int result_code) noexcept {
  if (result_code != SQLITE_OK && bind_error_ == SQLITE_OK) {
    bind_error_ = result_code;
  }
  ++next_parameter_;
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  return note(sqlite3_bind_int64(handle_.get(), next_parameter_, value));
}

Statement& Statement::bind_u64(std::uint64_t value) {
  return bind(static_cast<std::int64_t>(value));
}

Statement& Statement::bind(BytesView blob) {
  const char* data = blob.data() != nullptr ? blob.data() : "";
  return note(sqlite3_bind_blob64(handle_.get(), next_parameter_, data, blob.size(), SQLITE_STATIC));
}

Statement& Statement::bind(const Digest& digest) {
  const Bytes blob = digest_bytes(digest);
  return note(
      sqlite3_bind_blob64(handle_.get(), next_parameter_, blob.data(), blob.size(), SQLITE_TRANSIENT));
}

Statement& Statement::bind_text(std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";
  return note(
      sqlite3_bind_text64(handle_.get(), next_parameter_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) {
    return error_of(sqlite3_db_handle(handle_.get()), bind_error_);
  }
  const int result = sqlite3_step(handle_.get());
  if (result == SQLITE_ROW) {
    return true;
  }
  if (result == SQLITE_DONE) {
    return false;
  }
  return error_of(sqlite3_db_handle(handle_.get()), result);
}

Status Statement::run() {
  for (;;) {
    auto row = step();
    if (!row.ok()) {
      reset();
      return std::move(row).error();
    }
    if (!*row) {
      reset();
      return ok();
    }
  }
}

void Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
  next_parameter_ = 1;
  bind_error_ = SQLITE_OK;
}

bool Statement::is_null(int column) const noexcept {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(handle_.get(), column);
}

std::uint64_t Statement::u64(int column) const noexcept {
  return static_cast<std::uint64_t>(integer(column));
}

BytesView Statement::bytes(int column) const noexcept {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data == nullptr ? BytesView()
                         : BytesView(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

Digest Statement::digest(int column) const noexcept {
  Digest value;
  static_cast<void>(parse_digest(bytes(column), value));
  return value;
}

// --- Database ---

void Database::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

Result<Database> Database::open(const std::string& path, const Schema& schema,
                                const DatabaseOptions& options) {
  HA_CHECK(check_path(path, options.mode));
  const int access = options.mode == OpenMode::ReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(handle);
  if (result != SQLITE_OK) {
    return error_of(handle, result);
  }
  sqlite3_busy_timeout(handle, options.busy_timeout_ms);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, kSqlBytesMax);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  HA_CHECK(database.require(schema, options.mode));
  HA_CHECK(database.configure(options));
  return database;
}

Status Database::require(const Schema& schema, OpenMode mode) {
  const std::string what(schema.what);
  HA_TRY(const std::int64_t application, read_integer("PRAGMA application_id"));
  HA_TRY(const std::int64_t version, read_integer("PRAGMA user_version"));
  HA_TRY(const std::int64_t objects, read_integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && objects == 0) {
    if (mode == OpenMode::ReadOnly) {
      return Error(Code::NotFound, "the file is empty, there is no " + what + " in it yet");
    }
    return create(schema);
  }
  if (application != schema.application_id) {
    return Error(Code::Refused, "this is a SQLite file, but no " + what + " of hareplicate",
                 "another program uses this path; choose another one");
  }
  if (version != schema.version) {
    const bool newer = version > schema.version;
    return Error(Code::Unsupported,
                 "this " + what + " has version " + std::to_string(version) +
                     ", this program knows version " + std::to_string(schema.version),
                 newer ? "a newer hareplicate wrote it: install that one, or move the file aside"
                       : "an older hareplicate wrote it: move the file aside and a new one is made");
  }
  return ok();
}

Status Database::create(const Schema& schema) {
  HA_TRY(Transaction transaction, Transaction::begin(*this, Transaction::Kind::Write));
  HA_CHECK(execute(std::string(schema.sql)));
  HA_CHECK(execute("PRAGMA application_id = " + std::to_string(schema.application_id)));
  HA_CHECK(execute("PRAGMA user_version = " + std::to_string(schema.version)));
  return transaction.commit();
}

Status Database::configure(const DatabaseOptions& options) {
  HA_CHECK(execute("PRAGMA cache_size = -" + std::to_string(options.cache_kib) +
                   "; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"));
  if (options.mode == OpenMode::ReadOnly) {
    return ok();
  }
  // ":memory:" stays in journal mode "memory", which is what it should do.
  return execute(std::string("PRAGMA journal_mode = WAL; PRAGMA synchronous = ") +
                 (options.synchronous_full ? "FULL" : "NORMAL") +
                 "; PRAGMA journal_size_limit = " + std::to_string(std::int64_t{options.wal_kib_max} * 1024));
}

Result<std::int64_t> Database::read_integer(std::string_view sql) {
  HA_TRY(Statement statement, prepare(sql));
  HA_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : std::int64_t{0};
}

Status Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? ok() : Status(error_of(handle_.get(), result));
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (sql.size() > static_cast<std::size_t>(kSqlBytesMax)) {
    return Error(Code::Exhausted, "an SQL statement is too long");
  }
  sqlite3_stmt* handle = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  Statement statement(handle);
  if (result != SQLITE_OK) {
    return error_of(handle_.get(), result);
  }
  return statement;
}

Result<Query> Database::query(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    HA_TRY(Statement statement, prepare(sql));
    found = statements_.emplace(sql, std::move(statement)).first;
  }
  HA_ASSERT(sqlite3_stmt_busy(found->second.handle_.get()) == 0);
  return Query(found->second);
}

Status Database::check() {
  HA_TRY(Statement statement, prepare("PRAGMA quick_check(1)"));
  HA_TRY(const bool row, statement.step());
  const std::string finding(row ? statement.bytes(0) : "no answer");
  return finding == "ok" ? ok() : Status(Error(Code::Corrupt, finding, kDamagedHint));
}

std::int64_t Database::changed_rows() const noexcept {
  return sqlite3_changes64(handle_.get());
}

// --- Transaction ---

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  HA_TRY(Query query, database.query(kind == Kind::Read ? "BEGIN DEFERRED" : "BEGIN IMMEDIATE"));
  HA_CHECK(query->run());
  Transaction transaction(database.handle_.get());
  if (kind == Kind::Read) {
    // BEGIN alone takes no snapshot; the first read does.
    HA_TRY(Query first, database.query("SELECT count(*) FROM sqlite_schema"));
    HA_CHECK(first->run());
  }
  return transaction;
}

Status Transaction::commit() {
  HA_ASSERT(handle_ != nullptr);
  const int result = sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr);
  if (result == SQLITE_OK) {
    handle_ = nullptr;
    return ok();
  }
  Error error = error_of(handle_, result);
  roll_back();
  return error;
}

void Transaction::roll_back() noexcept {
  // After some errors SQLite has rolled back by itself.
  if (handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0) {
    static_cast<void>(sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr));
  }
  handle_ = nullptr;
}

Transaction::~Transaction() {
  roll_back();
}

Transaction::Transaction(Transaction&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

}  // namespace ha::sys
