#include <algorithm>
#include <future>

#include "async/completion.h"
#include "base/check.h"
#include "store/meta/meta_store.h"
#include "store/meta/sqlite_readers.h"
#include "store/meta/sqlite_schema.h"
#include "store/meta/sqlite_writer.h"
#include "store/room_reserve.h"

namespace slipway::store {
namespace {

constexpr int kWriterCacheKib = 16384;
constexpr int kReaderCacheKib = 512;

class SqliteMetaStore final : public MetaStore {
 public:
  SqliteMetaStore(std::unique_ptr<SqliteWriter> writer, std::unique_ptr<SqliteReaders> readers,
                  std::string epoch)
      : writer_(std::move(writer)), readers_(std::move(readers)), epoch_(std::move(epoch)) {}

  Task<Result<void>> Mutate(CallContext context,
                            std::function<Result<void>(Transaction&)> mutation) override {
    co_return co_await AwaitCompletion<Result<void>>([&](Completion<Result<void>> done) {
      writer_->Submit({&context, &mutation, std::move(done)});
    });
  }

  Task<Result<void>> Read(std::function<Result<void>(const Snapshot&)> read) override {
    return ReadOff([read = std::move(read)](const SqliteReader& reader) { return read(reader); });
  }

  Result<void> MutateNow(const CallContext& context,
                         const std::function<Result<void>(Transaction&)>& mutation) override {
    CHECK_NOTE(!writer_->IsWriterThread(), "a mutation or subscriber would wait for itself");
    std::promise<Result<void>> done;
    writer_->Submit(
        {&context, &mutation, [&done](Result<void> result) { done.set_value(std::move(result)); }});
    return done.get_future().get();
  }

  Result<void> ReadNow(const std::function<Result<void>(const Snapshot&)>& read) override {
    return readers_->ReadNow([&](const SqliteReader& reader) { return read(reader); });
  }

  Result<ChangePage> Changes(uint64_t after, std::string_view prefix, size_t limit) const override {
    ChangePage page;
    TRY_VOID(readers_->ReadNow([&](const SqliteReader& reader) -> Result<void> {
      TRY(found, reader.Changes(after, prefix, limit));
      page = std::move(found);
      return {};
    }));
    return page;
  }

  Task<Result<ChangePage>> ReadChanges(uint64_t after, std::string prefix, size_t limit) override {
    ChangePage page;
    CO_TRY_VOID(co_await ReadOff([&](const SqliteReader& reader) -> Result<void> {
      TRY(found, reader.Changes(after, prefix, limit));
      page = std::move(found);
      return {};
    }));
    co_return page;
  }

  std::shared_ptr<void> Subscribe(std::function<void(uint64_t version)> on_commit) override {
    return writer_->Subscribe(std::move(on_commit));
  }

  const KeyStamps& stamps() const override { return writer_->stamps(); }

  const std::string& epoch() const override { return epoch_; }

 private:
  // Runs `read` on a reader's thread.
  Task<Result<void>> ReadOff(std::function<Result<void>(const SqliteReader&)> read) {
    co_return co_await AwaitCompletion<Result<void>>(
        [&](Completion<Result<void>> done) { readers_->Submit({&read, std::move(done)}); });
  }

  // Readers close first: the last connection, the writer's, empties the log.
  const std::unique_ptr<SqliteWriter> writer_;
  const std::unique_ptr<SqliteReaders> readers_;
  const std::string epoch_;
};

}  // namespace

Result<std::unique_ptr<MetaStore>> MakeSqliteMetaStore(SqliteOptions options) {
  return MakeSqliteMetaStore(std::move(options), nullptr);
}

Result<std::unique_ptr<MetaStore>> MakeSqliteMetaStore(SqliteOptions options,
                                                       RoomReserve* reserve) {
  SqliteConnectionOptions open{
      .path = options.path, .vfs = options.vfs, .writer = true, .cache_kib = kWriterCacheKib};
  TRY(connection, SqliteConnection::Open(open));
  const auto prepare = [&]() -> Result<std::string> {
    TRY_VOID(CheckFormat(*connection));
    TRY_VOID(connection->UseWriteAheadLog());
    TRY_VOID(PrepareSchema(*connection, options.program));
    return ReadInfo(*connection, "epoch");
  };
  const Result<std::string> epoch = prepare();
  if (!epoch) return epoch.error().Prefixed(options.path + ": ");

  if (reserve != nullptr) {
    options.checkpoint_pages = std::min(options.checkpoint_pages, kReservedCheckpointPages);
  }
  Clock& clock = options.clock == nullptr ? SystemClock() : *options.clock;
  TRY(writer, SqliteWriter::Make(std::move(connection), options.log, clock,
                                 options.checkpoint_pages, reserve));
  open.writer = false;
  open.cache_kib = kReaderCacheKib;
  TRY(readers, SqliteReaders::Make(open, std::max<size_t>(options.readers, 1)));
  return std::make_unique<SqliteMetaStore>(std::move(writer), std::move(readers), *epoch);
}

}  // namespace slipway::store
