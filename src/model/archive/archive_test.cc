// What is in an archive comes out; what should not be in one is refused with its name.
#include "model/archive/archive.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fault_file_system.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/archive/extract.h"
#include "model/archive/tar_writer.h"
#include "model/limits.h"
#include "model/testing/archives.h"
#include "oci/content_source.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using Files = std::vector<std::pair<std::string, std::string>>;

Result<Files> ReadAll(const std::string& bytes, ArchiveType type, EntryNames& names,
                      const std::string& folder = "") {
  const auto file = oci::MakeMemoryFile(std::make_shared<const std::string>(bytes));
  TRY(archive, OpenArchive(*file, type, names, folder));
  Files files;
  while (true) {
    TRY(entry, archive->Next());
    if (!entry) return files;
    if (entry->is_folder) {
      files.emplace_back(entry->path + "/", "");
      continue;
    }
    std::string content;
    char piece[16'384];
    while (true) {
      TRY(count, archive->Read(piece, sizeof(piece)));
      if (count == 0) break;
      content.append(piece, count);
    }
    EXPECT_EQ(content.size(), entry->size_bytes);
    files.emplace_back(entry->path, content);
  }
}

Result<Files> ReadTar(const std::string& bytes, ArchiveType type = ArchiveType::kTar) {
  EntryNames names;
  return ReadAll(bytes, type, names);
}
Result<Files> ReadZip(const std::string& bytes) {
  return ReadTar(bytes, ArchiveType::kZip);
}

void ExpectRefused(const Result<Files>& read, std::string_view reason, const std::string& text) {
  ASSERT_FALSE(read.has_value()) << text;
  EXPECT_EQ(read.error().code(), Code::kInvalidArgument) << read.error().ToString();
  EXPECT_EQ(read.error().reason(), reason) << read.error().ToString();
  EXPECT_THAT(read.error().message(), HasSubstr(text));
}

TEST(ArchiveTest, TarInEachCompression) {
  const std::string content(100'000, 'w');
  const std::string tar =
      TarFolder("data") + TarOf({{"data/large.bin", content}, {"./empty", ""}, {"m.onnx", "m"}});
  const auto files = ElementsAre(Pair("data/", ""), Pair("data/large.bin", content),
                                 Pair("empty", ""), Pair("m.onnx", "m"));
  EXPECT_THAT(ReadTar(tar).value(), files);
  EXPECT_THAT(ReadTar(Gzip(tar), ArchiveType::kTarGzip).value(), files);
  EXPECT_THAT(ReadTar(Zstd(tar), ArchiveType::kTarZstd).value(), files);
  // Streams in several members, as parallel packers write them.
  EXPECT_THAT(
      ReadTar(Gzip(tar.substr(0, 700)) + Gzip(tar.substr(700)), ArchiveType::kTarGzip).value(),
      files);
  EXPECT_THAT(
      ReadTar(Zstd(tar.substr(0, 700)) + Zstd(tar.substr(700)), ArchiveType::kTarZstd).value(),
      files);
}

TEST(ArchiveTest, LongNamesAndSizesOfPaxAndGnu) {
  const std::string path = std::string(90, 'a') + "/" + std::string(90, 'b') + "/\xc3\xa9";
  EXPECT_THAT(ReadTar(TarOf({{path, "x"}})).value(), ElementsAre(Pair(path, "x")));
  const std::string gnu = RawTarEntry("././@LongLink", 'L', path + std::string(1, '\0')) +
                          RawTarEntry("cut", '0', "y") + TarEnd();
  EXPECT_THAT(ReadTar(gnu).value(), ElementsAre(Pair(path, "y")));
  const std::string prefixed = PatchedTarEntry("name", 345, "some/prefix", "z") + TarEnd();
  EXPECT_THAT(ReadTar(prefixed).value(), ElementsAre(Pair("some/prefix/name", "z")));
  const std::string sized = PaxHeader({"size=3", "mtime=1.5", "SCHILY.xattr.user.a=b"}) +
                            PatchedTarEntry("n", 124, "00000000000", "") + "abc" + TarPadding(3) +
                            TarEnd();
  EXPECT_THAT(ReadTar(sized).value(), ElementsAre(Pair("n", "abc")));
}

TEST(ArchiveTest, EntriesThatAreNeverTaken) {
  const struct {
    std::string entry;
    std::string reason;
    std::string text;
  } cases[] = {
      {RawTarEntry("evil", '2'), "ENTRY_REFUSED", "'evil' is a symbolic link"},
      {RawTarEntry("evil", '1'), "ENTRY_REFUSED", "'evil' is a hard link"},
      {RawTarEntry("evil", '3'), "ENTRY_REFUSED", "'evil' is a device"},
      {RawTarEntry("evil", '4'), "ENTRY_REFUSED", "'evil' is a device"},
      {RawTarEntry("evil", '6'), "ENTRY_REFUSED", "'evil' is a FIFO"},
      {RawTarEntry("evil", 'S'), "ENTRY_REFUSED", "'evil' is a sparse file"},
      {RawTarEntry("evil", 'M'), "ENTRY_REFUSED", "'evil' is of the unknown type 0x4d"},
      {RawTarEntry("../evil", '0'), "PATH_INVALID", "'../evil' leads out of its folder"},
      {RawTarEntry("a/../../evil", '0'), "PATH_INVALID", "leads out of its folder"},
      {RawTarEntry("/etc/evil", '0'), "PATH_INVALID", "'/etc/evil' is absolute"},
      {RawTarEntry(".//etc/evil", '0'), "PATH_INVALID", "'/etc/evil' is absolute"},
      {RawTarEntry("a\\evil", '0'), "PATH_INVALID", "backslash"},
      {RawTarEntry("a\nevil", '0'), "PATH_INVALID", "'a\\x0aevil'"},
      {RawTarEntry("\xff\xfe", '0'), "PATH_INVALID", "'\\xff\\xfe' is no UTF-8"},
      {RawTarEntry("", '0'), "PATH_INVALID", "is empty"},
      {RawTarEntry("dir/", '0'), "ENTRY_REFUSED", "a file with a folder's name"},
      {RawTarEntry("dir", '5', "content"), "ENTRY_REFUSED", "a folder with content"},
      {PatchedTarEntry("good\0evil", 6, "evil"), "ENTRY_REFUSED", "bytes after the end"},
      {PaxHeader({"path=../evil"}) + RawTarEntry("good", '0'), "PATH_INVALID", "'../evil'"},
      {PaxHeader({std::string("path=a\0b", 8)}) + RawTarEntry("good", '0'), "PATH_INVALID",
       "'a\\x00b'"},
      {PaxHeader({"size=3"}) + RawTarEntry("good", '0', "12345"), "ENTRY_REFUSED",
       "'good' has two sizes"},
      {PaxHeader({"path=a", "path=b"}) + RawTarEntry("good", '0'), "ENTRY_REFUSED",
       "'b' has two long names"},
      {PaxHeader({"GNU.sparse.major=1"}) + RawTarEntry("good", '0'), "ENTRY_REFUSED",
       "is a sparse file"},
      {PaxHeader({"path=evil"}, 'g') + RawTarEntry("good", '0'), "ENTRY_REFUSED",
       "'evil' is given to all files"},
      {RawTarEntry("pax", 'x', "99 path=a\n") + RawTarEntry("good", '0'), "ARCHIVE_INVALID",
       "malformed"},
      {PatchedTarEntry("good", 124, "0000000009x"), "ENTRY_REFUSED", "no number"},
      {RawTarEntry("long", 'L', std::string(kMaxTarExtensionBytes + 1, 'a')), "ARCHIVE_TOO_LARGE",
       "at most 65536 are taken"},
      {RawTarEntry(std::string(40, 'a') + "/" + std::string(256, 'b'), 'L'), "PATH_INVALID", ""},
  };
  for (const auto& c : cases) {
    ExpectRefused(ReadTar(c.entry + RawTarEntry("next", '0') + TarEnd()), c.reason, c.text);
  }
}

TEST(ArchiveTest, EntriesThatCollide) {
  const struct {
    Files files;
    std::string text;
  } cases[] = {
      {{{"a", ""}, {"a", ""}}, "'a' is there twice"},
      {{{"a", ""}, {"./a", ""}}, "'a' is there twice"},
      {{{"a", ""}, {"a/b", ""}}, "'a' is a file and a folder"},
      {{{"a/b", ""}, {"a", ""}}, "'a' is a file and a folder"},
      {{{"Model.bin", ""}, {"model.BIN", ""}}, "'model.BIN' and 'Model.bin' are the same path"},
      {{{"A/x", ""}, {"a/y", ""}}, "'a' and 'A' are the same path"},
      {{{"caf\xc3\xa9", ""}, {"cafe\xcc\x81", ""}}, "are the same path"},
      {{{"stra\xc3\x9f"
         "e",
         ""},
        {"STRASSE", ""}},
       "are the same path"},
  };
  for (const auto& c : cases) ExpectRefused(ReadTar(TarOf(c.files)), "ENTRY_REFUSED", c.text);
  EXPECT_THAT(ReadTar(TarFolder("a") + TarFolder("a") + TarOf({{"a/b", ""}})), IsOk());
}

TEST(ArchiveTest, NamesOfSeveralArchivesAreOneSpace) {
  EntryNames names;
  const std::string tar = TarOf({{"m", "1"}});
  EXPECT_THAT(ReadAll(tar, ArchiveType::kTar, names, "a/").value(), ElementsAre(Pair("a/m", "1")));
  EXPECT_THAT(ReadAll(tar, ArchiveType::kTar, names).value(), ElementsAre(Pair("m", "1")));
  ExpectRefused(ReadAll(tar, ArchiveType::kTar, names, "a/"), "ENTRY_REFUSED", "'a/m'");
  // A folder before it makes no absolute path a relative one.
  EntryNames more;
  ExpectRefused(ReadAll(RawTarEntry("/m", '0') + TarEnd(), ArchiveType::kTar, more, "a/"),
                "PATH_INVALID", "'/m' is absolute");
}

TEST(ArchiveTest, CutArchives) {
  const std::string tar = TarOf({{"a.bin", std::string(3'000, 'a')}, {"b", "b"}});
  for (size_t size = 0; size + 512 < tar.size(); size += 100) {
    ExpectRefused(ReadTar(tar.substr(0, size)), "ARCHIVE_INVALID", "is cut");
  }
  for (const auto& [packed, type] :
       {std::pair(Gzip(tar), ArchiveType::kTarGzip), std::pair(Zstd(tar), ArchiveType::kTarZstd)}) {
    for (size_t size = 0; size < packed.size(); ++size) {
      const auto read = ReadTar(packed.substr(0, size), type);
      ASSERT_FALSE(read.has_value()) << size;
      EXPECT_EQ(read.error().reason(), "ARCHIVE_INVALID");
    }
    ExpectRefused(ReadTar(packed + "more", type), "ARCHIVE_INVALID", "");
  }
  // A compressed stream knows its end; the end mark of the tar in it may be missing.
  const std::string bare = tar.substr(0, tar.size() - 1024);
  ExpectRefused(ReadTar(bare), "ARCHIVE_INVALID", "zeros at its end are missing");
  EXPECT_THAT(ReadTar(Gzip(bare), ArchiveType::kTarGzip), IsOk());
  ExpectRefused(ReadTar(tar + std::string(511, '\0') + "x"), "ARCHIVE_INVALID",
                "something after its end");
  EXPECT_THAT(ReadTar(tar + std::string(9'216, '\0')), IsOk());
}

TEST(ArchiveTest, ArchiveThatExplodes) {
  // More than 200 times its size, and more than is always taken.
  const std::string zeros(kFreeArchiveBytes + (1 << 20), '\0');
  const std::string tar = TarFileHeader("bomb", zeros.size()) + zeros + TarEnd();
  ExpectRefused(ReadTar(Zstd(tar), ArchiveType::kTarZstd), "ARCHIVE_TOO_LARGE",
                "more than 200 times its size");
  // A zip's directory says how large its entries are.
  std::string zip = ZipOf({{.name = "bomb", .content = std::string(1'000, '\0')}});
  zip.replace(zip.find("PK\x01\x02") + 24, 4, std::string("\0\0\0\x14", 4));
  ExpectRefused(ReadZip(zip), "ARCHIVE_TOO_LARGE", "more than 200 times its size");
  const std::string huge = PaxHeader({"size=4611686018427387000"}) +
                           PatchedTarEntry("huge", 124, "00000000000") + TarEnd();
  ExpectRefused(ReadTar(huge), "ARCHIVE_TOO_LARGE", "'huge' has 4611686018427387000 bytes");
}

TEST(ArchiveTest, ArchivesOfOnePackageExplodeTogether) {
  const auto third = [](const std::string& name) {
    const std::string zeros(kFreeArchiveBytes / 8 * 3, '\0');
    return Zstd(TarFileHeader(name, zeros.size()) + zeros + TarEnd());
  };
  EntryNames names;
  EXPECT_THAT(ReadAll(third("a"), ArchiveType::kTarZstd, names), IsOk());
  EXPECT_THAT(ReadAll(third("b"), ArchiveType::kTarZstd, names), IsOk());
  ExpectRefused(ReadAll(third("c"), ArchiveType::kTarZstd, names), "ARCHIVE_TOO_LARGE",
                "more than 200 times its size");
}

TEST(ArchiveTest, TooManyEntries) {
  std::string tar;
  for (size_t i = 0; i <= kMaxArchiveEntries; ++i) tar += RawTarEntry(std::to_string(i), '0');
  ExpectRefused(ReadTar(tar + TarEnd()), "ARCHIVE_TOO_LARGE", "'100000' is one more");
}

TEST(ArchiveTest, Zip) {
  const std::string content(100'000, 'w');
  const auto read = ReadZip(ZipOf({{.name = "d/", .content = "", .deflated = false},
                                   {.name = "d/large", .content = content},
                                   {.name = "stored", .content = "s", .deflated = false},
                                   {.name = "empty", .content = ""}}));
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(*read, ElementsAre(Pair("d/", ""), Pair("d/large", content), Pair("stored", "s"),
                                 Pair("empty", "")));
  EXPECT_THAT(ReadZip(ZipOf({})).value(), ElementsAre());
}

TEST(ArchiveTest, ZipsThatAreRefused) {
  const struct {
    std::vector<ZipMember> members;
    std::string reason;
    std::string text;
  } cases[] = {
      {{{.name = "l", .content = "x", .unix_mode = 0120777}}, "ENTRY_REFUSED", "symbolic link"},
      {{{.name = "l", .content = "", .unix_mode = 0010644}}, "ENTRY_REFUSED", "FIFO"},
      {{{.name = "l", .content = "", .unix_mode = 0140644}}, "ENTRY_REFUSED", "socket"},
      {{{.name = "l", .content = "", .unix_mode = 0020644}}, "ENTRY_REFUSED", "device"},
      {{{.name = "../l", .content = ""}}, "PATH_INVALID", "'../l'"},
      {{{.name = "/l", .content = ""}}, "PATH_INVALID", "'/l' is absolute"},
      {{{.name = "a\\l", .content = ""}}, "PATH_INVALID", "backslash"},
      {{{.name = "l", .content = "", .flags = 1}}, "ENTRY_REFUSED", "'l' is encrypted"},
      {{{.name = "a", .content = ""}, {.name = "A", .content = ""}}, "ENTRY_REFUSED", "same path"},
      {{{.name = "good", .content = "", .local_name = "evil"}},
       "ENTRY_REFUSED",
       "is called 'evil' in its header"},
      {{{.name = "d/", .content = "x", .deflated = false}}, "ENTRY_REFUSED", "folder with content"},
  };
  for (const auto& c : cases) ExpectRefused(ReadZip(ZipOf(c.members)), c.reason, c.text);
  const std::string good = ZipOf({{.name = "a", .content = std::string(1'000, 'a')}});
  ExpectRefused(ReadZip(good + "x"), "ARCHIVE_INVALID", "something follows it");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ReadZip(good.substr(0, size)).has_value()) << size;
  }
  std::string damaged = ZipOf({{.name = "a", .content = "content", .deflated = false}});
  damaged[32] = 'C';
  ExpectRefused(ReadZip(damaged), "ENTRY_REFUSED", "its checksum is another");
  // Two entries of the directory that are the same bytes.
  std::string twice = ZipOf({{.name = "a", .content = "1"}, {.name = "b", .content = "1"}});
  const size_t second = twice.rfind("PK\x01\x02");
  twice.replace(second + 42, 4, std::string(4, '\0'));
  ExpectRefused(ReadZip(twice), "ENTRY_REFUSED", "shares bytes");
}

TEST(ArchiveTest, Types) {
  EXPECT_EQ(ArchiveTypeOf("application/tar+gzip"), ArchiveType::kTarGzip);
  EXPECT_EQ(ArchiveTypeOf("application/vnd.oci.image.layer.v1.tar"), ArchiveType::kTar);
  EXPECT_EQ(ArchiveTypeOf("application/vnd.docker.image.rootfs.diff.tar.gzip"),
            ArchiveType::kTarGzip);
  EXPECT_EQ(ArchiveTypeOf("application/vnd.kitops.modelkit.model.v1.tar+zstd"),
            ArchiveType::kTarZstd);
  EXPECT_EQ(ArchiveTypeOf("application/zip"), ArchiveType::kZip);
  EXPECT_EQ(ArchiveTypeOf("application/vnd.cncf.model.weight.v1.raw"), std::nullopt);
  EXPECT_EQ(ArchiveTypeOf("application/avatar"), std::nullopt);
  EXPECT_EQ(ArchiveTypeOf("tar"), std::nullopt);
  const std::string tar = TarOf({{"a", "a"}});
  EXPECT_EQ(RecogniseArchive(tar), ArchiveType::kTar);
  EXPECT_EQ(RecogniseArchive(Gzip(tar)), ArchiveType::kTarGzip);
  EXPECT_EQ(RecogniseArchive(Zstd(tar)), ArchiveType::kTarZstd);
  EXPECT_EQ(RecogniseArchive(ZipOf({{.name = "a", .content = ""}})), ArchiveType::kZip);
  EXPECT_EQ(RecogniseArchive("onnx"), std::nullopt);
}

class ExtractTest : public ::testing::Test {
 protected:
  Result<std::vector<std::string>> ExtractTar(const std::string& tar) {
    const auto file = oci::MakeMemoryFile(std::make_shared<const std::string>(tar));
    EntryNames names;
    TRY(archive, OpenArchive(*file, ArchiveType::kTar, names));
    std::filesystem::create_directories(folder_ / "root");
    return Extract(PosixFileSystem(), *archive, folder_ / "root");
  }
  std::string Read(const std::string& path) {
    return ReadWholeFile(PosixFileSystem(), folder_ / "root/" + path, 1 << 20).value();
  }
  TemporaryFolder folder_;
};

TEST_F(ExtractTest, FilesAndFolders) {
  // setuid and owners are dropped.
  const auto paths = ExtractTar(TarFolder("empty") + PatchedTarEntry("s", 100, "0006755", "s") +
                                TarOf({{"a/b/c", "content"}, {"d", ""}}));
  ASSERT_THAT(paths, IsOk());
  EXPECT_THAT(*paths, ElementsAre("s", "a/b/c", "d"));
  EXPECT_EQ(Read("a/b/c"), "content");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "root/empty"));
  EXPECT_EQ(std::filesystem::status(folder_ / "root/s").permissions(),
            std::filesystem::perms{0444});
  EXPECT_THAT(ListFiles(PosixFileSystem(), folder_ / "root").value(),
              ElementsAre("a/b/c", "d", "s"));
}

// What nobody wants after a crash costs no sync for each of its files.
TEST(Extract, SyncsOnlyWhatIsToLast) {
  for (const bool is_durable : {true, false}) {
    FaultFileSystem files;
    ASSERT_THAT(files.MakeDirectories("/root", 0700), IsOk());
    const auto tar = oci::MakeMemoryFile(std::make_shared<const std::string>(TarOf({{"a", "b"}})));
    EntryNames names;
    auto archive = OpenArchive(*tar, ArchiveType::kTar, names);
    ASSERT_THAT(archive, IsOk());
    files.FailNextSync();
    EXPECT_EQ(Extract(files, **archive, "/root", {.is_durable = is_durable}).has_value(),
              !is_durable);
  }
}

TEST_F(ExtractTest, LinkThatIsThereIsNotFollowed) {
  std::filesystem::create_directories(folder_ / "outside");
  std::filesystem::create_directories(folder_ / "root");
  std::filesystem::create_directory_symlink(folder_ / "outside", folder_ / "root/a");
  EXPECT_THAT(ExtractTar(TarOf({{"a/evil", "x"}})),
              IsError(Code::kInvalidArgument, "LINK_REFUSED"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "outside"));
}

}  // namespace
}  // namespace slipway::model
