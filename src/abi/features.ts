// public/features.h — bits of XENVER_get_features

export const XENFEAT_writable_page_tables = 0; // page tables need no read-only mapping
export const XENFEAT_writable_descriptor_tables = 1; // descriptor tables need no read-only mapping
export const XENFEAT_auto_translated_physmap = 2; // frames are the guest's own: Xen translates
export const XENFEAT_supervisor_mode_kernel = 3; // the kernel runs in ring 0
export const XENFEAT_pae_pgdir_above_4gb = 4;
export const XENFEAT_mmu_pt_update_preserve_ad = 5; // MMU_PT_UPDATE_PRESERVE_AD exists
export const XENFEAT_highmem_assist = 6; // MMUEXT_CLEAR_PAGE and MMUEXT_COPY_PAGE exist
export const XENFEAT_gnttab_map_avail_bits = 7; // GNTMAP_guest_avail* reach the PTE
export const XENFEAT_hvm_callback_vector = 8; // HVM_PARAM_CALLBACK_TYPE_VECTOR exists
export const XENFEAT_hvm_safe_pvclock = 9; // pvclock works in HVM guests
export const XENFEAT_hvm_pirqs = 10;
export const XENFEAT_dom0 = 11; // the caller is dom0
export const XENFEAT_memory_op_vnode_supported = 13; // XENMEMF_vnode exists
export const XENFEAT_ARM_SMCCC_supported = 14;
export const XENFEAT_linux_rsdp_unrestricted = 15; // hvm_start_info's RSDP may lie anywhere (Linux once wanted it low)
export const XENFEAT_not_direct_mapped = 16;
export const XENFEAT_direct_mapped = 17;
export const XENFEAT_NR_SUBMAPS = 1;
