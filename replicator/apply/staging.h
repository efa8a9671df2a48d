// The directories in which new things are made before they are renamed into place: `.hareplicate`, owned by
// this process and 0700, one on every file system that the set reaches.
//
// It is also how an unmounted file system is noticed: a marker file stands in each, and the index lists them.
// Thread safety: one call at a time. Errors: those of common/sys/file.h and the index; Held if a listed
// directory has no marker, Refused if it belongs to somebody else.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/index/index.h"
#include "replicator/model/reserved.h"

namespace ha::replicator {

inline constexpr char kMarkerName[] = "marker";
inline constexpr std::size_t kStagedNamesMax = 10'000'000;

// Makes `rel` and what is missing above it, 0700. Conflict: something else is in the way.
Status make_directories(const sys::Directory& directory, BytesView rel);

struct StagingArea {
  Bytes top;                 // key of the topmost directory of this file system; "" for the root
  std::uint64_t device = 0;  // st_dev
  sys::Directory directory;  // .hareplicate in it
};

// One thing in a staging area, which may exist or not. `area` is borrowed from Staging.
struct StagedName {
  const StagingArea* area = nullptr;
  Bytes name;

  [[nodiscard]] bool is_set() const noexcept { return area != nullptr; }
  [[nodiscard]] Bytes path() const;  // beneath the root: what the index remembers
};

class Staging {
 public:
  // Both must outlive this.
  Staging(const sys::Directory& root, Index& index) : root_(root), index_(index) {}

  // Opens or makes what the index lists, and the root's.
  Status open_all();
  // Held if one that was opened has lost its marker, or another file system is in its place.
  [[nodiscard]] Status check_markers() const;
  // As if something were to be staged beside each of these topmost directories' content.
  Status mark(const std::vector<Bytes>& tops);
  // Removes everything but the markers, what is stranded or in the trash, pristine copies, and `keep` (paths
  // as of StagedName::path).
  Status sweep(const std::set<Bytes>& keep);

  // A fresh name on the file system where `key` is or will be (its nearest directory that exists).
  [[nodiscard]] Result<StagedName> name_for(BytesView key);
  // The thing the index remembered. NotFound if its area is not open (any more).
  [[nodiscard]] Result<StagedName> find(BytesView path);
  // Removes it, whatever it is; nothing happens if it is not there or `staged` is not set.
  Status discard(const StagedName& staged);

  // Directories may have come or gone: look again where keys are.
  void forget_places() { device_of_parent_.clear(); }
  [[nodiscard]] const std::map<Bytes, std::unique_ptr<StagingArea>>& areas() const noexcept { return areas_; }

 private:
  [[nodiscard]] Result<StagingArea*> area_for(BytesView parent);
  [[nodiscard]] Result<sys::Directory> open_our_own(const Bytes& path);
  [[nodiscard]] Result<StagingArea*> open_area(const Bytes& top, bool listed);
  [[nodiscard]] Result<Bytes> top_of(BytesView parent, std::uint64_t device) const;
  [[nodiscard]] Status check_listed(const Bytes& top) const;

  const sys::Directory& root_;
  Index& index_;
  std::map<Bytes, std::unique_ptr<StagingArea>> areas_;  // by top
  std::map<Bytes, StagingArea*, std::less<>> device_of_parent_;
  Bytes name_prefix_;
  std::uint64_t names_given_ = 0;
};

}  // namespace ha::replicator
