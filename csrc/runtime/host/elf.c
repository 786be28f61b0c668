/* Looks at an ELF file before the dynamic linker does: a truncated one would crash the process. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "image.h"

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

static pv_status check_segments(const uint8_t *bytes, const Elf64_Ehdr *header, uint64_t total) {
  if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf64_Phdr)) return PV_ERR_FORMAT;
  if (!within(header->e_phoff, header->e_phnum, sizeof(Elf64_Phdr), total)) {
    return PV_ERR_TRUNCATED;
  }
  int dynamic = 0, loadable = 0;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    Elf64_Phdr segment;
    memcpy(&segment, bytes + header->e_phoff + i * sizeof segment, sizeof segment);
    if (!within(segment.p_offset, segment.p_filesz, 1, total)) return PV_ERR_TRUNCATED;
    if (segment.p_type == PT_LOAD) {
      if (segment.p_memsz < segment.p_filesz) return PV_ERR_TRUNCATED;
      loadable = 1;
    }
    if (segment.p_type == PT_DYNAMIC) dynamic = 1;
  }
  return dynamic && loadable ? PV_OK : PV_ERR_FORMAT;
}

static pv_status check_sections(const uint8_t *bytes, const Elf64_Ehdr *header, uint64_t total) {
  if (header->e_shnum == 0) return PV_OK;
  if (header->e_shentsize != sizeof(Elf64_Shdr)) return PV_ERR_FORMAT;
  if (!within(header->e_shoff, header->e_shnum, sizeof(Elf64_Shdr), total)) {
    return PV_ERR_TRUNCATED;
  }
  for (unsigned i = 0; i < header->e_shnum; i++) {
    Elf64_Shdr section;
    memcpy(&section, bytes + header->e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
    if (!within(section.sh_offset, section.sh_size, 1, total)) return PV_ERR_TRUNCATED;
  }
  return PV_OK;
}

pv_status pv_elf_kind(const uint8_t *bytes, size_t size, uint64_t total, pv_detail detail) {
  Elf64_Ehdr header;
  memset(&header, 0, sizeof header);
  const size_t head = size < sizeof header ? size : sizeof header;
  memcpy(&header, bytes, head);
  if (head < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    snprintf(detail.text, detail.bytes, "%llu bytes that do not start as ELF",
             (unsigned long long)total);
    return PV_ERR_FORMAT;
  }
  if (head < sizeof header) {
    snprintf(detail.text, detail.bytes, "the ELF header is cut off after %zu bytes", head);
    return PV_ERR_TRUNCATED;
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != HOST_MACHINE) {
    snprintf(detail.text, detail.bytes, "it is for %s, this process runs on %s",
             machine_name(header.e_machine), machine_name(HOST_MACHINE));
    return PV_ERR_MACHINE;
  }
  if (header.e_type != ET_DYN) {
    snprintf(detail.text, detail.bytes, "ELF type %u instead of a shared object",
             (unsigned)header.e_type);
    return PV_ERR_FORMAT;
  }
  return PV_OK;
}

pv_status pv_elf_tables(const uint8_t *bytes, size_t size, pv_detail detail) {
  Elf64_Ehdr header;
  memcpy(&header, bytes, sizeof header);
  pv_status status = check_segments(bytes, &header, size);
  if (status == PV_OK) status = check_sections(bytes, &header, size);
  if (status != PV_OK) {
    snprintf(detail.text, detail.bytes, "its tables do not fit the file's %zu bytes", size);
  }
  return status;
}
