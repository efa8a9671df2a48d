// One run of the scanner: the walk over the tree, merged with a cursor of the index.
//
// Full-path byte order means that the content of a directory "a" comes after "a.b" and before "a0", so a
// directory's content waits as a Block until the names before "a/" are done. Thread safety: one thread.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "replicator/source/item_reader.h"
#include "replicator/source/scan_writer.h"
#include "replicator/source/scanner.h"

namespace ha::replicator {

enum class ScanScope : std::uint8_t { Full, Directories };

class ScanRun {
 public:
  // All must outlive it.
  ScanRun(const sys::Directory& root, Index& index, const sys::DigestKey& key, const ScanOptions& options,
          ScanScope scope, const std::atomic<bool>& stop);

  Status start();
  Status walk_root();
  // `directory` is not the root. Its own item, what is in it, and new directories in it whole.
  Status walk_directory(const Bytes& directory);
  // Writes what is left, also after an error or a stop.
  Status finish();
  [[nodiscard]] ScanResult& result() noexcept { return result_; }

 private:
  enum class Action : std::uint8_t {
    Enter,
    Skip,    // leave what the index has of it as it is
    Forget,  // it is excluded
  };
  struct Block {
    Bytes key;
    Action action = Action::Enter;
  };
  struct Level {
    Bytes key;                 // of the directory; "" is the root
    sys::Directory directory;  // closed while far above the bottom: see hold()
    std::uint64_t device = 0;
    std::vector<Bytes> names;  // sorted
    std::size_t next = 0;
    std::vector<Block> blocks;  // the last one comes first
  };

  // --- units ---
  struct UnitFile {
    Bytes key;
    Bytes name;
    sys::Stat stat;
    Finding found;
    std::optional<Entry> old;
  };
  struct Unit {
    Bytes key;
    const sys::Directory& directory;
    sys::Stat stat;
    std::vector<UnitFile> read;
    std::map<Bytes, Entry> known;  // of the index, and not met yet
    Digest digest;
    bool failed = false;  // one of its files cannot be read
  };
  [[nodiscard]] bool is_unit(BytesView key) const;
  Result<bool> is_quiet(const sys::Directory& directory, const std::vector<Bytes>& names);
  Status look_at_unit(const Bytes& key, const sys::Directory& directory, std::vector<Bytes>& names);
  Result<bool> read_of_unit(Unit& unit, const Bytes& name, const sys::Stat& stat);
  Result<bool> is_still(const Unit& unit);
  Status record_unit(Unit& unit);
  void claim(Entry& entry);

  // --- the walk ---
  Status walk();
  Status step();
  Status run_block(const Block& block);
  Status enter(const Bytes& key);
  Status push(Bytes key, sys::Directory directory, std::vector<Bytes> names, std::uint64_t device);
  Result<const sys::Directory*> hold(Level& level);

  // --- items ---
  Status visit(const Bytes& name);
  Status visit_present(const sys::Directory& directory, const Bytes& name, const Bytes& key,
                       const sys::Stat& stat, std::optional<Entry> old);
  Result<ChunkList> before_reading(const Bytes& key, const sys::Stat& stat, const std::optional<Entry>& old);
  Result<Finding> look(const ItemReader::Item& item);
  Status record(const Finding& finding, const Bytes& key, const std::optional<Entry>& old);
  // --- files that are still being written ---
  [[nodiscard]] bool is_unstable(const Bytes& key, const sys::Stat& stat, const std::optional<Entry>& old);
  void note_waiting(const Bytes& key, Duration left);
  Status let_go(Entry entry);
  Status remove_gone();
  [[nodiscard]] bool is_waited_for(const Entry& entry);

  Status put(const Finding& finding, const Bytes& key, const std::optional<Entry>& old);
  Status revive_above(const Bytes& key);
  void add_block(const Bytes& key, const sys::Stat& stat, const std::optional<Entry>& old);
  [[nodiscard]] bool is_excluded(BytesView key, bool is_directory) const;
  Status fail(BytesView key, std::string_view reason);
  void note_busy(const Bytes& key);

  // --- hard links ---
  using Inode = std::pair<std::uint64_t, std::uint64_t>;  // device, number
  [[nodiscard]] Leader* find_leader(const sys::Stat& stat);
  void note_leader(const sys::Stat& stat, const Bytes& key, const Finding& finding,
                   const std::optional<Entry>& old);
  [[nodiscard]] bool needs_full_scan(const sys::Stat& stat, const std::optional<Entry>& old) const;

  // --- the index side of the merge ---
  Status open_cursor(KeyRange range);
  Status advance();
  Status pass_until(BytesView key);  // every entry before it is not on disk
  Result<std::optional<Entry>> take(const Bytes& key);
  Status skip_to(BytesView key);
  Status vanish(const Entry& entry);
  Result<bool> is_gone(const Bytes& key);

  [[nodiscard]] bool stopped() const { return stop_->load(std::memory_order_relaxed); }
  void report();

  const sys::Directory* root_;
  Index* index_;
  const ScanOptions* options_;
  ScanScope scope_;
  const std::atomic<bool>* stop_;
  ScanWriter writer_;
  ItemReader items_;
  ScanResult result_;

  std::vector<Level> levels_;
  std::optional<Cursor> cursor_;
  std::optional<Entry> current_;  // the first entry that has not been passed
  std::map<Inode, Leader> leaders_;
  Bytes forced_;                  // the directory that is entered though the index knows it
  Bytes busy_with_;               // the key of the item at hand
  std::vector<Entry> gone_;       // not deleted yet: see let_go()
  std::set<Bytes> still_needed_;  // directories of those that are not deleted
  Bytes put_in_;                  // the directory of the last new item
  Bytes unit_;                    // the last unit that was looked at: its files are done
};

}  // namespace ha::replicator
