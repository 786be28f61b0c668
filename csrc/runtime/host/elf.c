/* Looks at an ELF file before the dynamic linker does: a truncated one would crash the process. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pocketvision/loader.h"

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#else
#define HOST_MACHINE EM_AARCH64
#endif

static const char *machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_386:
      return "32-bit x86";
  }
  return "an unknown machine";
}

/* True when `count` items of `size` bytes at `offset` lie within a file of `total` bytes. */
static int within(uint64_t offset, uint64_t count, uint64_t size, uint64_t total) {
  if (size != 0 && count > total / size) return 0;
  return offset <= total && count * size <= total - offset;
}

static int read_at(int file, void *buffer, size_t bytes, uint64_t offset) {
  return pread(file, buffer, bytes, (off_t)offset) == (ssize_t)bytes;
}

static pv_status check_segments(int file, const Elf64_Ehdr *header, uint64_t total) {
  if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf64_Phdr)) return PV_ERR_FORMAT;
  if (!within(header->e_phoff, header->e_phnum, sizeof(Elf64_Phdr), total)) {
    return PV_ERR_TRUNCATED;
  }
  int dynamic = 0, loadable = 0;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    Elf64_Phdr segment;
    if (!read_at(file, &segment, sizeof segment, header->e_phoff + i * sizeof segment)) {
      return PV_ERR_TRUNCATED;
    }
    if (!within(segment.p_offset, segment.p_filesz, 1, total)) return PV_ERR_TRUNCATED;
    if (segment.p_type == PT_LOAD) {
      if (segment.p_memsz < segment.p_filesz) return PV_ERR_TRUNCATED;
      loadable = 1;
    }
    if (segment.p_type == PT_DYNAMIC) dynamic = 1;
  }
  return dynamic && loadable ? PV_OK : PV_ERR_FORMAT;
}

static pv_status check_sections(int file, const Elf64_Ehdr *header, uint64_t total) {
  if (header->e_shnum == 0) return PV_OK;
  if (header->e_shentsize != sizeof(Elf64_Shdr)) return PV_ERR_FORMAT;
  if (!within(header->e_shoff, header->e_shnum, sizeof(Elf64_Shdr), total)) {
    return PV_ERR_TRUNCATED;
  }
  for (unsigned i = 0; i < header->e_shnum; i++) {
    Elf64_Shdr section;
    if (!read_at(file, &section, sizeof section, header->e_shoff + i * sizeof section)) {
      return PV_ERR_TRUNCATED;
    }
    if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
    if (!within(section.sh_offset, section.sh_size, 1, total)) return PV_ERR_TRUNCATED;
  }
  return PV_OK;
}

static pv_status check_file(int file, char *detail, size_t detail_bytes) {
  struct stat info;
  if (fstat(file, &info) != 0) {
    snprintf(detail, detail_bytes, "%s", strerror(errno));
    return PV_ERR_OPEN;
  }
  if (!S_ISREG(info.st_mode)) {
    snprintf(detail, detail_bytes, "not a regular file");
    return PV_ERR_OPEN;
  }
  const uint64_t total = (uint64_t)info.st_size;
  Elf64_Ehdr header;
  memset(&header, 0, sizeof header);
  const size_t head = total < sizeof header ? (size_t)total : sizeof header;
  if (!read_at(file, &header, head, 0) || head < SELFMAG ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    snprintf(detail, detail_bytes, "%llu bytes that do not start as ELF",
             (unsigned long long)total);
    return PV_ERR_FORMAT;
  }
  if (head < sizeof header) {
    snprintf(detail, detail_bytes, "the ELF header is cut off after %zu bytes", head);
    return PV_ERR_TRUNCATED;
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != HOST_MACHINE) {
    snprintf(detail, detail_bytes, "it is for %s, this process runs on %s",
             machine_name(header.e_machine), machine_name(HOST_MACHINE));
    return PV_ERR_MACHINE;
  }
  if (header.e_type != ET_DYN) {
    snprintf(detail, detail_bytes, "ELF type %u instead of a shared object",
             (unsigned)header.e_type);
    return PV_ERR_FORMAT;
  }
  pv_status status = check_segments(file, &header, total);
  if (status == PV_OK) status = check_sections(file, &header, total);
  if (status != PV_OK) {
    snprintf(detail, detail_bytes, "its tables do not fit the file's %llu bytes",
             (unsigned long long)total);
  }
  return status;
}

pv_status pv_elf_check(const char *path, char *detail, size_t detail_bytes) {
  if (path == NULL || detail == NULL || detail_bytes == 0) return PV_ERR_ARGUMENT;
  detail[0] = '\0';
  /* Not blocking: opening a named pipe must not wait for its writer. */
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    snprintf(detail, detail_bytes, "%s", strerror(errno));
    return PV_ERR_OPEN;
  }
  const pv_status status = check_file(file, detail, detail_bytes);
  close(file);
  return status;
}
