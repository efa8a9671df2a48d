// Looks at one item on disk and says what its index entry should become.
//
// Knows neither the index nor the walk: values in, a Finding out. Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "common/sys/metadata.h"
#include "replicator/model/entry.h"
#include "replicator/model/file_meta.h"
#include "replicator/model/overlay.h"
#include "replicator/source/content_reader.h"

namespace ha::replicator {

// The first name of an inode that has several.
struct Leader {
  Bytes key;
  Digest content;
  std::uint64_t size = 0;
  bool known = false;        // false: it could not be read, and so its other names cannot be recorded
  std::uint64_t unseen = 0;  // names that have not been met yet
};

struct Finding {
  enum class Kind {
    Unchanged,
    Put,      // entry, and chunks if content was read
    Refresh,  // only entry.local
    Busy,     // it kept changing
    Gone,
    Failed,  // reason
  };
  Kind kind = Kind::Unchanged;
  Entry entry;
  ChunkList chunks;
  bool content_read = false;
  bool racy = false;
  std::string reason;
};

class ItemReader {
 public:
  ItemReader(const sys::DigestKey& key, std::function<Now()> clock, ContentReader::OnBytes on_bytes,
             std::function<void()> on_read, PristineView* overlays = nullptr);

  struct Item {
    const sys::Directory& directory;
    BytesView name;
    BytesView key;
    const sys::Stat& stat;
    const Entry* old = nullptr;      // the live entry, if there is one
    const Leader* leader = nullptr;  // it is another name of this one
    bool deep = false;               // read it even if its stat is unchanged
    ChunkList before{};              // of the content of `old`, if it is worth knowing
    bool trust_links = false;        // a link whose stat is unchanged is unchanged, whoever leads
    std::optional<Digest> unit{};    // of a directory that is one: what its files are now
  };
  // Cancelled is the only error: on_bytes said so.
  [[nodiscard]] Result<Finding> look(const Item& item);

 private:
  Result<Finding> look_once(const Item& item);
  Result<Finding> read_regular(const Item& item);
  Result<Finding> read_other(const Item& item);
  Finding conclude(const Item& item, const sys::Stat& stat, FileMeta meta, const Content& content,
                   bool overlaid = false);

  sys::DigestKey key_;
  std::function<Now()> clock_;
  ContentReader::OnBytes on_bytes_;
  std::function<void()> on_read_;
  PristineView* overlays_;
  ContentReader content_;
  sys::NameCache names_;
};

}  // namespace ha::replicator
