// hareplicate stranded merge: docs/divergence.md, "Merging".
#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "common/sys/metadata.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/merge_text.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

constexpr const char* kStore = ".hareplicate/stranded/";
constexpr int kCopiesMax = 1000;
constexpr mode_t kOutMode = 0600;

struct Item {
  std::string set;
  Bytes key;
  bool deleted = false;
};

// What becomes of one item.
struct Plan {
  Item item;
  std::string result;          // for the table
  std::string next;            // likewise
  std::optional<Bytes> live;   // what it was made from
  std::optional<Bytes> write;  // to the live path
  sys::Stat seen;              // of the live file
};

Bytes joined(BytesView directory, BytesView name) {
  return directory.empty() ? Bytes(name) : Bytes(directory) + "/" + Bytes(name);
}

Result<Bytes> read_text(const sys::FileHandle& file) {
  HA_TRY(Bytes content, file.read_at(0, kMergeBytesMax + 1));
  if (content.size() > kMergeBytesMax) {
    return Error(Code::Exhausted, "it is larger than " + show_size(kMergeBytesMax));
  }
  return content;
}

// The newest copy. The store is on the item's file system, so beneath one of the directories above it.
Result<sys::FileHandle> open_stranded(const sys::Directory& root, const std::string& id, const Bytes& key) {
  Result<sys::FileHandle> found =
      Error(Code::NotFound, "it is not in the store any more", "hareplicate stranded");
  for (Bytes top = key; !top.empty();) {
    const std::size_t slash = top.rfind('/');
    top = slash == Bytes::npos ? Bytes() : top.substr(0, slash);
    const auto incident = root.open_beneath(joined(top, kStore + id));
    for (int copy = 0; incident.ok() && copy < kCopiesMax; ++copy) {
      const auto directory = incident->open_beneath(std::to_string(copy));
      if (!directory.ok()) {
        break;
      }
      auto file = directory->open_regular(key);
      if (file.ok() || file.error().code() != Code::NotFound) {
        found = std::move(file);
      }
    }
    if (incident.ok()) {
      break;
    }
  }
  return found;
}

// Messages are numbered by the PBX: of two with one number each is a message of its own.
bool is_numbered_message(const Bytes& key) {
  const std::size_t slash = key.rfind('/');
  const BytesView name = BytesView(key).substr(slash == Bytes::npos ? 0 : slash + 1);
  return name.size() > 8 && name.starts_with("msg") && name[7] == '.' &&
         std::all_of(name.begin() + 3, name.begin() + 7, [](char c) { return c >= '0' && c <= '9'; });
}

// Atomically, with owner, mode and attributes of what is there, if that is still what was read.
Status write_live(const sys::Directory& root, const Plan& plan) {
  HA_TRY(const auto parent, root.open_parent(plan.item.key));
  HA_TRY(const sys::FileHandle pinned, parent.directory.pin(parent.name));
  HA_TRY(const sys::Stat now, pinned.stat());
  if (now.type != sys::FileType::Regular || now.ino != plan.seen.ino || now.ctime != plan.seen.ctime ||
      now.size != plan.seen.size) {
    return Error(Code::Conflict, "it has changed meanwhile", "look again: the same command");
  }
  HA_TRY(sys::Metadata metadata, sys::read_metadata(pinned));
  HA_TRY(sys::AtomicFile file, sys::AtomicFile::create(parent.directory, parent.name, kOutMode));
  HA_CHECK(file.write(*plan.write));
  HA_TRY(const sys::Stat written, file.file().stat());
  metadata.mtime = written.mtime;
  HA_CHECK(sys::apply_metadata(file.file(), metadata));
  return file.commit();
}

Status write_out(const std::string& path, const Bytes& text) {
  const std::filesystem::path absolute = std::filesystem::absolute(path);
  HA_TRY(const sys::Directory parent, sys::Directory::open_root(absolute.parent_path().string()));
  HA_TRY(sys::FileHandle file,
         parent.open_file(absolute.filename().string(), O_WRONLY | O_CREAT | O_EXCL, kOutMode));
  HA_CHECK(file.write_at(0, text));
  return file.close();
}

Result<Bytes> read_with(const std::string& path) {
  const std::filesystem::path absolute = std::filesystem::absolute(path);
  HA_TRY(const sys::Directory parent, sys::Directory::open_root(absolute.parent_path().string()));
  HA_TRY(const sys::FileHandle file, parent.open_regular(absolute.filename().string()));
  HA_TRY(Bytes text, read_text(file));
  if (has_conflict_marks(text)) {
    return Error(Code::Refused, escape(path) + " still has the marks of a conflict (<<<<<<< and >>>>>>>)",
                 "edit it, then the same command");
  }
  return text;
}

class Merger {
 public:
  Merger(const Context& context, Daemon& daemon) : context_(context), daemon_(daemon) {}

  Outcome run() {
    HA_CHECK(look_at_roles());
    HA_TRY(const std::vector<Item> items, wanted());
    for (const Item& item : items) {
      HA_TRY(const sys::Directory root, sys::Directory::open_root(set_of(item).path));
      HA_TRY(Plan plan, plan_for(root, item));
      plans_.push_back(std::move(plan));
    }
    HA_TRY(const bool go_on, apply());
    if (!go_on) {
      print("Nothing was changed.\n");
      return ExitCode::Refused;
    }
    return show();
  }

 private:
  // With [failover] the replicator knows who holds what, and where the trees stand.
  Status look_at_roles() {
    for (const replicator::SetConfig& set : daemon_.config().sets()) {
      sets_[set.name] = set;
    }
    return !daemon_.config().has_failover() ? ok()
                                            : daemon_.ask(new_request("status"), [&](const pb::Reply& reply) {
                                                take_roles(reply.status());
                                                return true;
                                              });
  }
  void take_roles(const pb::Status& status) {
    for (auto& [name, set] : sets_) {
      for (const pb::Service& service : status.services()) {
        set.origin = service.name() == set.service ? service.holder() : set.origin;
      }
      for (const pb::Set& shown : status.sets()) {
        if (shown.set() == name) {
          replicator::stand(set, !shown.shelved());
        }
      }
    }
  }
  [[nodiscard]] const replicator::SetConfig& set_of(const Item& item) const { return sets_.at(item.set); }
  [[nodiscard]] std::string holder_of(const Item& item) const {
    const std::string& origin = set_of(item).origin;
    return origin.empty() ? "its next holder" : origin;
  }
  [[nodiscard]] bool is_ours(const Item& item) const {
    return holder_of(item) == daemon_.config().self().name;
  }
  [[nodiscard]] std::string again(const Item& item) const {
    return "hareplicate stranded merge " + escape(context_.argument(0)) + " '" + escape(item.key) + "'";
  }
  [[nodiscard]] std::string keep() const {
    const std::string id = escape(context_.argument(0));
    return "hareplicate stranded keep " + id + " --to /var/tmp/" + id;
  }

  Result<std::vector<Item>> wanted() {
    const Bytes path = unescape(context_.argument(1));
    std::vector<Item> items;
    pb::Request request = new_request("stranded");
    request.add_arguments("show");
    request.add_arguments(context_.argument(0));
    HA_CHECK(daemon_.ask(request, [&](const pb::Reply& reply) {
      for (const pb::Item& item : reply.incident().items()) {
        const bool known = daemon_.config().set(item.set()) != nullptr;
        if (known && (path.empty() || item.key() == path)) {
          items.push_back({item.set(), item.key(), item.what() == "deleted"});
        }
      }
      return true;
    }));
    const auto same = [](const Item& a, const Item& b) { return a.set == b.set && a.key == b.key; };
    items.erase(std::unique(items.begin(), items.end(), same), items.end());  // copies of one item
    const std::string id = escape(context_.argument(0));
    if (items.empty()) {
      return Error(Code::NotFound, "no item \"" + escape(path) + "\" is stranded in " + id,
                   "hareplicate stranded show " + id);
    }
    if (items.size() > 1 && (context_.has("out") || context_.has("with"))) {
      return Error(
          Code::Invalid, id + " has " + show_count(items.size()) + " items; --out and --with are for one",
          "hareplicate stranded show " + id + "      and then: hareplicate stranded merge " + id + " PATH");
    }
    return items;
  }

  Result<Plan> plan_for(const sys::Directory& root, const Item& item) {
    Plan plan{item, "", "", {}, {}, {}};
    const auto leave = [&](std::string result, std::string next) {
      plan.result = std::move(result);
      plan.next = std::move(next);
      return plan;
    };
    if (item.deleted) {
      return leave("its deletion was undone", "on " + holder_of(item) + ": delete it again, if it is to go");
    }
    const auto live = root.open_regular(item.key);
    if (!live.ok() && live.error().code() == Code::Denied) {
      return live.error();
    }
    auto stranded = open_stranded(root, context_.argument(0), item.key);
    if (!stranded.ok() && stranded.error().code() == Code::Denied) {
      return Error(stranded.error().code(), stranded.error().what(),
                   "the same command as root, with sudo in front");
    }
    if (!live.ok() || !stranded.ok()) {
      const bool gone = !live.ok() && live.error().code() == Code::NotFound;
      return leave(gone ? "deleted since" : "not a regular file", keep());
    }
    if (is_numbered_message(item.key)) {
      return leave("a numbered message", keep());
    }
    HA_TRY(plan.seen, live->stat());
    auto ours = read_text(*live);
    auto theirs = read_text(*stranded);
    if (!ours.ok() || !theirs.ok() || !is_text(*ours) || !is_text(*theirs)) {
      return leave("not a text, or too large", keep());
    }
    plan.live = std::move(ours).value();
    HA_CHECK(context_.has("with") ? resolve(plan) : merge(plan, *theirs));
    return plan;
  }

  // What somebody has made of it.
  Status resolve(Plan& plan) {
    const std::string path = context_.invocation.value("with");
    HA_TRY(Bytes text, read_with(path));
    return take(plan, std::move(text), path);
  }

  Status merge(Plan& plan, const Bytes& stranded) {
    HA_TRY(Merged merged, merge_texts(*plan.live, stranded));
    const std::string out = context_.invocation.value("out");
    if (!out.empty() && !context_.has("dry-run")) {
      HA_CHECK(write_out(out, merged.text));
    }
    if (merged.conflicts) {
      plan.result = "conflict";
      plan.next = out.empty()
                      ? again(plan.item) + " --out FILE"
                      : "edit " + escape(out) + ", then: " + again(plan.item) + " --with " + escape(out);
      return show_diff(plan, merged.text);
    }
    return take(plan, std::move(merged.text), out);
  }

  // `text` is what it is to be; `file`: where it lies, too.
  Status take(Plan& plan, Bytes text, const std::string& file) {
    if (text == *plan.live) {
      plan.result = "nothing to do";
      plan.next = "the live one has all of it";
      return ok();
    }
    HA_CHECK(show_diff(plan, text));
    if (!is_ours(plan.item)) {
      plan.result = "not written";
      const std::string holder = holder_of(plan.item);
      plan.next = file.empty()
                      ? holder + " holds it; for a file to take there: " + again(plan.item) + " --out FILE"
                      : "scp " + escape(file) + " " + holder + ":" +
                            escape(joined(set_of(plan.item).path, plan.item.key));
    } else if (plan.seen.nlink > 1) {
      plan.result = "not written";
      plan.next = "it has other names (hard links), which would keep the old content: change it by hand";
    } else {
      plan.result = "merged";
      plan.write = std::move(text);
    }
    return ok();
  }

  Status show_diff(const Plan& plan, const Bytes& text) {
    if (context_.globals.output == OutputMode::Table) {
      HA_TRY(const Bytes shown, unified_diff(*plan.live, text, escape(plan.item.key)));
      print(context_.out_is_terminal ? for_terminal(shown) : shown);
    }
    return ok();
  }

  // Writes what can be written, once somebody has said yes. False: nobody has.
  Result<bool> apply() {
    const auto count = static_cast<std::uint64_t>(
        std::count_if(plans_.begin(), plans_.end(), [](const Plan& plan) { return plan.write.has_value(); }));
    if (count == 0 || context_.has("dry-run")) {
      return true;
    }
    HA_TRY(const bool go_on,
           confirm(context_, "This changes " + show_count(count) + (count == 1 ? " file" : " files") +
                                 " of this site, the holder."));
    if (!go_on) {
      return false;
    }
    for (Plan& plan : plans_) {
      if (!plan.write) {
        continue;
      }
      HA_TRY(const sys::Directory root, sys::Directory::open_root(set_of(plan.item).path));
      if (const Status written = write_live(root, plan); !written.ok()) {
        plan.result = "not written: " + written.error().what();
        plan.next = again(plan.item);
        plan.write.reset();
      }
    }
    return true;
  }

  Outcome show() {
    Table table({{"SET", "set", Align::Left},
                 {"ITEM", "key", Align::Left},
                 {"RESULT", "result", Align::Left},
                 {"NEXT", "next", Align::Left}});
    bool good = true;
    for (const Plan& plan : plans_) {
      good = good && (plan.write || plan.result == "nothing to do");
      table.add({plan.item.set, escape(plan.item.key), plan.result, plan.next});
    }
    print(table.print(context_.globals.output, "hareplicate.stranded_merge/1"));
    const std::string id = escape(context_.argument(0));
    talk(context_, context_.has("dry-run") ? "Nothing was changed.\n"
                   : good ? "When nothing of it is needed any more: hareplicate stranded drop " + id + "\n"
                          : id + " stays as it is.\n");
    return good ? ExitCode::Good : ExitCode::NotGood;
  }

  const Context& context_;
  Daemon& daemon_;
  std::vector<Plan> plans_;
  std::map<std::string, replicator::SetConfig> sets_;
};

}  // namespace

Outcome run_stranded_merge(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  return Merger(context, daemon).run();
}

}  // namespace ha::tool
