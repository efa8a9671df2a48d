#include "replicator/source/scanner.h"

#include <algorithm>
#include <utility>

#include "replicator/source/scan_run.h"

namespace ha::replicator {
namespace {

// Whether the index has `key` as a directory.
Result<bool> is_known_directory(Index& index, BytesView key) {
  HA_TRY(const std::optional<Entry> entry, index.get(key));
  return entry && !entry->deleted && entry->rank == Rank::Container;
}

// The directory to scan for the sake of `directory`: itself, or the topmost one above it that the index does
// not know yet. None if one of them is excluded.
Result<std::optional<Bytes>> place_to_scan(Index& index, const ScanOptions& options, const Bytes& directory) {
  for (std::size_t slash = directory.find('/'); slash != Bytes::npos;
       slash = directory.find('/', slash + 1)) {
    const Bytes above = directory.substr(0, slash);
    if (options.exclude && options.exclude(above, true)) {
      return std::optional<Bytes>();
    }
    HA_TRY(const bool known, is_known_directory(index, above));
    if (!known) {
      return std::optional<Bytes>(above);
    }
  }
  return std::optional<Bytes>(directory);
}

// finish() writes what was found before an error too, and the first error is the one that counts.
Result<ScanResult> end_of_scan(ScanRun& run, Status walked) {
  Status written = run.finish();
  HA_CHECK(std::move(walked));
  HA_CHECK(std::move(written));
  return std::move(run.result());
}

}  // namespace

FileScanner::FileScanner(const sys::Directory& root, Index& index, const sys::DigestKey& key,
                         ScanOptions options)
    : root_(&root), index_(&index), key_(key), options_(std::move(options)) {}

Result<ScanResult> FileScanner::scan_all(const std::atomic<bool>& stop) {
  ScanRun run(*root_, *index_, key_, options_, ScanScope::Full, stop);
  HA_CHECK(run.start());
  return end_of_scan(run, run.walk_root());
}

Result<ScanResult> FileScanner::scan_directories(std::vector<Bytes> directories,
                                                 const std::atomic<bool>& stop) {
  std::sort(directories.begin(), directories.end());
  directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
  ScanRun run(*root_, *index_, key_, options_, ScanScope::Directories, stop);
  HA_CHECK(run.start());
  const auto walk = [&](const Bytes& directory) -> Status {
    if (directory.empty()) {
      return run.walk_root();
    }
    HA_CHECK(sys::check_key(directory));
    HA_TRY(const std::optional<Bytes> place, place_to_scan(*index_, options_, directory));
    return place ? run.walk_directory(*place) : ok();
  };
  Status walked = ok();
  for (const Bytes& directory : directories) {
    if (!walked.ok() || !run.result().complete) {
      break;
    }
    walked = walk(directory);
  }
  return end_of_scan(run, std::move(walked));
}

}  // namespace ha::replicator
