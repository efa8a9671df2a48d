#include "tests/support/lossyfs_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace ha::lossyfs {

namespace {

// What the disk knows of an inode; created empty when only its name became durable.
Layer& durable(Inode& inode) {
  if (!inode.kept) {
    inode.kept.emplace().attributes = inode.birth;
  }
  return *inode.kept;
}

void keep_page(Inode& inode, std::uint64_t number) {
  const auto written = inode.now.pages.find(number);
  if (written == inode.now.pages.end()) {
    durable(inode).pages.erase(number);
  } else {
    durable(inode).pages[number] = written->second;
  }
}

// Pages past the end, and what is in the last page behind the end, do not exist.
void cut_to_size(Layer& layer) {
  const std::uint64_t size = layer.attributes.size_bytes;
  layer.pages.erase(layer.pages.lower_bound((size + kPageBytes - 1) / kPageBytes), layer.pages.end());
  const auto last = layer.pages.find(size / kPageBytes);
  if (last != layer.pages.end()) {
    last->second = std::make_shared<Page>(*last->second);
    std::fill(last->second->begin() + static_cast<std::ptrdiff_t>(size % kPageBytes), last->second->end(),
              std::byte{0});
  }
}

bool can_be_synced(const Inode& inode) {
  return S_ISREG(inode.birth.mode) || S_ISDIR(inode.birth.mode);
}

}  // namespace

Tree::Tree(std::uint64_t capacity_bytes) : root_(std::make_shared<Inode>()), capacity_bytes_(capacity_bytes) {
  root_->number = 1;
  root_->links = 1;
  root_->birth.mode = S_IFDIR | 0755;
  root_->now.attributes = root_->birth;
  durable(*root_);
}

InodePtr Tree::find(const InodePtr& folder, const std::string& name) const {
  const auto entry = folder->now.entries.find(name);
  return entry == folder->now.entries.end() ? nullptr : entry->second;
}

int Tree::create(const InodePtr& folder, const std::string& name, Attributes birth, std::string target,
                 InodePtr& made) {
  if (name.size() > kNameBytesMax) {
    return ENAMETOOLONG;
  }
  if (find(folder, name)) {
    return EEXIST;
  }
  if (folder->links == 0) {
    return ENOENT;  // the directory itself was removed
  }
  made = std::make_shared<Inode>();
  made->number = ++last_number_;
  made->target = std::move(target);
  made->birth = std::move(birth);
  made->birth.size_bytes = made->target.size();
  made->now.attributes = made->birth;
  made->links = 1;
  record({{folder, name, made}}, made->birth.ctime);
  return 0;
}

int Tree::link(const InodePtr& folder, const std::string& name, const InodePtr& inode, timespec now) {
  if (name.size() > kNameBytesMax) {
    return ENAMETOOLONG;
  }
  if (find(folder, name)) {
    return EEXIST;
  }
  if (folder->links == 0 || inode->links == 0) {
    return ENOENT;
  }
  ++inode->links;
  inode->now.attributes.ctime = now;
  record({{folder, name, inode}}, now);
  return 0;
}

int Tree::remove(const InodePtr& folder, const std::string& name, bool directory, timespec now) {
  const InodePtr inode = find(folder, name);
  if (!inode) {
    return ENOENT;
  }
  if (inode->is_directory() != directory) {
    return directory ? ENOTDIR : EISDIR;
  }
  if (!inode->now.entries.empty()) {
    return ENOTEMPTY;
  }
  drop_link(*inode, now);
  record({{folder, name, nullptr}}, now);
  return 0;
}

int Tree::rename(const InodePtr& from_folder, const std::string& from, const InodePtr& to_folder,
                 const std::string& to, unsigned flags, timespec now) {
  const InodePtr moved = find(from_folder, from);
  const InodePtr replaced = find(to_folder, to);
  const bool exchange = flags == RENAME_EXCHANGE;
  if (flags != 0 && flags != RENAME_NOREPLACE && !exchange) {
    return EINVAL;
  }
  if (to.size() > kNameBytesMax) {
    return ENAMETOOLONG;
  }
  if (!moved || (exchange && !replaced) || to_folder->links == 0) {
    return ENOENT;
  }
  if (replaced && flags == RENAME_NOREPLACE) {
    return EEXIST;
  }
  moved->now.attributes.ctime = now;
  if (exchange) {
    replaced->now.attributes.ctime = now;
    record({{from_folder, from, replaced}, {to_folder, to, moved}}, now);
    return 0;
  }
  if (replaced == moved) {
    return 0;  // two names of one file: rename(2) does nothing
  }
  if (replaced) {
    if (replaced->is_directory() != moved->is_directory()) {
      return replaced->is_directory() ? EISDIR : ENOTDIR;
    }
    if (!replaced->now.entries.empty()) {
      return ENOTEMPTY;
    }
    drop_link(*replaced, now);
  }
  record({{from_folder, from, nullptr}, {to_folder, to, moved}}, now);
  return 0;
}

std::vector<std::byte> Tree::read(const Inode& inode, std::uint64_t offset, std::size_t bytes) const {
  const std::uint64_t size = inode.now.attributes.size_bytes;
  if (offset >= size) {
    return {};
  }
  std::vector<std::byte> out(std::min<std::uint64_t>(bytes, size - offset));
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t position = offset + done;
    const std::size_t within = position % kPageBytes;
    const std::size_t part = std::min(out.size() - done, kPageBytes - within);
    const auto page = inode.now.pages.find(position / kPageBytes);
    if (page != inode.now.pages.end()) {
      std::copy_n(page->second->data() + within, part, out.data() + done);
    }
    done += part;
  }
  return out;
}

int Tree::write(Inode& inode, std::uint64_t offset, std::span<const std::byte> data, timespec now) {
  std::uint64_t fresh_pages = 0;
  for (std::uint64_t n = offset / kPageBytes; n * kPageBytes < offset + data.size(); ++n) {
    fresh_pages += inode.now.pages.count(n) == 0 ? 1U : 0U;
  }
  if (fresh_pages != 0 && (used_pages_ + fresh_pages) * kPageBytes > capacity_bytes_) {
    return ENOSPC;
  }
  for (std::size_t done = 0; done < data.size();) {
    const std::uint64_t position = offset + done;
    const std::size_t within = position % kPageBytes;
    const std::size_t part = std::min(data.size() - done, kPageBytes - within);
    std::copy_n(data.data() + done, part, page_for_writing(inode, position / kPageBytes).data() + within);
    done += part;
  }
  Attributes& attributes = inode.now.attributes;
  attributes.size_bytes = std::max(attributes.size_bytes, offset + data.size());
  attributes.mtime = attributes.ctime = now;
  return 0;
}

void Tree::resize(Inode& inode, std::uint64_t size_bytes) {
  const std::uint64_t old_bytes = inode.now.attributes.size_bytes;
  if (size_bytes < old_bytes) {
    punch(inode, size_bytes, old_bytes - size_bytes);
  }
  inode.now.attributes.size_bytes = size_bytes;
}

void Tree::punch(Inode& inode, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t end = std::min(offset + bytes, inode.now.attributes.size_bytes);
  auto page = inode.now.pages.lower_bound(offset / kPageBytes);
  while (page != inode.now.pages.end() && page->first * kPageBytes < end) {
    const std::uint64_t number = page->first;
    const std::uint64_t page_start = number * kPageBytes;
    ++page;  // before this one may go
    const std::uint64_t from = std::max(offset, page_start) - page_start;
    const bool to_file_end = end == inode.now.attributes.size_bytes;
    const std::uint64_t to = to_file_end ? kPageBytes : std::min(end - page_start, std::uint64_t{kPageBytes});
    if (from == 0 && to == kPageBytes) {
      drop_page(inode, number);
    } else {
      Page& content = page_for_writing(inode, number);
      std::fill(content.begin() + static_cast<std::ptrdiff_t>(from),
                content.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(to, kPageBytes)),
                std::byte{0});
    }
  }
}

std::optional<std::uint64_t> Tree::seek(const Inode& inode, std::uint64_t offset, bool data) const {
  const std::uint64_t size = inode.now.attributes.size_bytes;
  if (offset >= size) {
    return std::nullopt;
  }
  const auto& pages = inode.now.pages;
  auto page = pages.lower_bound(offset / kPageBytes);
  if (data) {
    if (page == pages.end() || page->first * kPageBytes >= size) {
      return std::nullopt;
    }
    return std::max(offset, page->first * kPageBytes);
  }
  std::uint64_t number = offset / kPageBytes;
  while (page != pages.end() && page->first == number) {
    ++page;
    ++number;
  }
  return std::min(size, std::max(offset, number * kPageBytes));
}

void Tree::sync_file(Inode& inode) {
  durable(inode).attributes = inode.now.attributes;
  for (const std::uint64_t number : inode.dirty_pages) {
    keep_page(inode, number);
  }
  inode.dirty_pages.clear();
}

void Tree::sync_directory(const InodePtr& folder) {
  commit({folder.get()});
  durable(*folder).attributes = folder->now.attributes;
  for (const auto& [name, inode] : folder->now.entries) {
    if (!can_be_synced(*inode)) {
      durable(*inode).attributes = inode->now.attributes;
    }
  }
}

void Tree::sync_all() {
  for (const Change& change : pending_) {
    apply(change);
  }
  pending_.clear();
  for (const InodePtr& inode : reachable(false)) {
    sync_file(*inode);
  }
}

void Tree::lose(std::optional<std::uint64_t> seed) {
  if (seed) {
    std::mt19937_64 random(*seed);
    keep_by_chance(random);
  }
  pending_.clear();
  used_pages_ = 0;
  const std::vector<InodePtr> survivors = reachable(true);
  for (const InodePtr& inode : survivors) {
    inode->now = durable(*inode);
    inode->dirty_pages.clear();
    inode->links = inode->is_directory() ? 1 : 0;
    used_pages_ += inode->now.pages.size();
  }
  for (const InodePtr& folder : survivors) {
    for (const auto& [name, inode] : folder->now.entries) {
      inode->links += inode->is_directory() ? 0U : 1U;
    }
  }
}

void Tree::drop_link(Inode& inode, timespec now) {
  inode.now.attributes.ctime = now;
  if (--inode.links == 0) {
    used_pages_ -= inode.now.pages.size();
  }
}

void Tree::record(Change change, timespec now) {
  for (const Half& half : change) {
    if (half.inode) {
      half.folder->now.entries[half.name] = half.inode;
    } else {
      half.folder->now.entries.erase(half.name);
    }
    half.folder->now.attributes.mtime = half.folder->now.attributes.ctime = now;
  }
  pending_.push_back(std::move(change));
}

void Tree::apply(const Change& change) {
  for (const Half& half : change) {
    if (half.inode) {
      static_cast<void>(durable(*half.inode));
      durable(*half.folder).entries[half.name] = half.inode;
    } else {
      durable(*half.folder).entries.erase(half.name);
    }
  }
}

void Tree::commit(std::set<const Inode*> folders) {
  std::vector<std::list<Change>::iterator> chosen;
  for (auto change = pending_.end(); change != pending_.begin();) {
    --change;
    if (std::any_of(change->begin(), change->end(),
                    [&](const Half& half) { return folders.count(half.folder.get()) != 0; })) {
      chosen.push_back(change);
      for (const Half& half : *change) {
        folders.insert(half.folder.get());
      }
    }
  }
  std::for_each(chosen.rbegin(), chosen.rend(), [&](auto change) {
    apply(*change);
    pending_.erase(change);
  });
}

void Tree::keep_by_chance(std::mt19937_64& random) {
  // A cut for each directory: what comes before it survives. Counted by number, so that a seed repeats.
  std::map<std::uint64_t, std::uint64_t> changes;
  for (const Change& change : pending_) {
    for (const Half& half : change) {
      ++changes[half.folder->number];
    }
  }
  for (auto& [number, count] : changes) {
    count = random() % (count + 1);
  }
  // Forwards: when one directory of a rename has reached its cut, the rename and all later changes of both
  // are lost.
  std::set<std::uint64_t> ended;
  for (const Change& change : pending_) {
    bool survives = true;
    for (const Half& half : change) {
      std::uint64_t& left = changes[half.folder->number];
      survives = survives && left > 0 && ended.count(half.folder->number) == 0;
      left -= left > 0 ? 1 : 0;
    }
    if (survives) {
      apply(change);
    } else {
      for (const Half& half : change) {
        ended.insert(half.folder->number);
      }
    }
  }
  for (const InodePtr& inode : reachable(true)) {
    Layer& disk = durable(*inode);
    for (const std::uint64_t number : inode->dirty_pages) {
      // A page that was cut off goes with the size, below.
      if (random() % 2 == 0 && inode->now.pages.count(number) != 0) {
        keep_page(*inode, number);
      }
    }
    if (random() % 2 == 0) {
      disk.attributes = inode->now.attributes;
    }
    if (!inode->is_directory() && !S_ISLNK(inode->birth.mode)) {
      cut_to_size(disk);
    }
  }
}

std::vector<InodePtr> Tree::reachable(bool kept) const {
  std::vector<InodePtr> found{root_};
  std::set<const Inode*> seen{root_.get()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const InodePtr folder = found[i];
    if (kept && !folder->kept) {
      continue;
    }
    for (const auto& [name, inode] : kept ? folder->kept->entries : folder->now.entries) {
      if (seen.insert(inode.get()).second) {
        found.push_back(inode);
      }
    }
  }
  return found;
}

Page& Tree::page_for_writing(Inode& inode, std::uint64_t number) {
  std::shared_ptr<Page>& page = inode.now.pages[number];
  if (!page) {
    page = std::make_shared<Page>();
    used_pages_ += inode.links == 0 ? 0 : 1;
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);  // the disk has the old one
  }
  inode.dirty_pages.insert(number);
  return *page;
}

void Tree::drop_page(Inode& inode, std::uint64_t number) {
  const std::size_t dropped = inode.now.pages.erase(number);
  used_pages_ -= inode.links == 0 ? 0 : dropped;
  inode.dirty_pages.insert(number);
}

}  // namespace ha::lossyfs
