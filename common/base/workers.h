// Threads for everything that takes longer than a loop may: hashing, deltas, compression, SQL, applying.
//
// Work is posted to a Strand: tasks of one strand run one after another, in the order of posting, never two
// at once; different strands run side by side on the pool's threads. A task reports back by posting to the
// loop it came from. What may be queued is bounded by those who post (credit, builds, one scan a set).
// Thread safety: post() from any thread. The pool must outlive its strands' last task: stop() first.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ha {

class Workers {
 public:
  using Task = std::function<void()>;

  explicit Workers(unsigned threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Tasks that have begun are finished, the others dropped. Called once, not from a task.
  void stop();

 private:
  friend class Strand;
  struct Queue {
    std::deque<Task> tasks;
    bool scheduled = false;  // in ready_, or being run
  };
  void post(const std::shared_ptr<Queue>& queue, Task task);
  void run();

  std::mutex mutex_;  // guards all below and every Queue
  std::condition_variable ready_changed_;
  std::deque<std::shared_ptr<Queue>> ready_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

class Strand {
 public:
  // `workers` must outlive it.
  explicit Strand(Workers& workers) : workers_(&workers), queue_(std::make_shared<Workers::Queue>()) {}
  void post(Workers::Task task) { workers_->post(queue_, std::move(task)); }

 private:
  Workers* workers_;
  std::shared_ptr<Workers::Queue> queue_;
};

}  // namespace ha
