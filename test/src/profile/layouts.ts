/** Parts of two kernels' structs as pahole prints them, typed out: a clone tests on these what the real layouts are tested for. */

export const LAYOUT_6_1 = `struct page {
	long unsigned int          flags;                /*     0     8 */
	union {
		struct {
			long unsigned int compound_head; /*     8     8 */
			unsigned char compound_dtor;     /*    16     1 */
			unsigned char compound_order;    /*    17     1 */
			atomic_t   compound_mapcount;    /*    20     4 */
			atomic_t   compound_pincount;    /*    24     4 */
			unsigned int compound_nr;        /*    28     4 */
		};                                       /*     8    24 */
		struct {
			long unsigned int _compound_pad_1; /*     8     8 */
			struct list_head deferred_list;  /*    24    16 */
		};                                       /*     8    32 */
	};                                               /*     8    40 */
	long unsigned int          memcg_data;           /*    56     8 */

	/* size: 64, cachelines: 1, members: 3 */
};
`;

export const LAYOUT_7_3 = `struct folio {
	union {
		struct {
			memdesc_flags_t flags;           /*     0     8 */
		};                                       /*     0     8 */
		struct page        page;                 /*     0    64 */
	};                                               /*     0    64 */
	union {
		struct {
			long unsigned int _flags_1;      /*    64     8 */
			union {
				struct {
					atomic_t _large_mapcount; /*    80     4 */
					atomic_t _nr_pages_mapped; /*    84     4 */
					atomic_t _entire_mapcount; /*    88     4 */
					atomic_t _pincount; /*    92     4 */
					mm_id_mapcount_t _mm_id_mapcount[2]; /*    96     8 */
					union {
						mm_id_t        _mm_id[2]; /*   104     8 */
						long unsigned int _mm_ids; /*   104     8 */
					};               /*   104     8 */
				};                       /*    80    32 */
				long unsigned int _usable_1[4]; /*    80    32 */
			};                               /*    80    32 */
			unsigned int _nr_pages;          /*   120     4 */
		};                                       /*    64    64 */
		struct page        __page_1;             /*    64    64 */
	};                                               /*    64    64 */
	union {
		struct {
			struct list_head _deferred_list; /*   144    16 */
		};                                       /*   128    32 */
		struct page        __page_2;             /*   128    64 */
	};                                               /*   128    64 */
	union {
		struct {
			long unsigned int _flags_3;      /*   192     8 */
		};                                       /*   192    64 */
		struct page        __page_3;             /*   192    64 */
	};                                               /*   192    64 */

	/* size: 256, cachelines: 4, members: 4 */
};
struct dev_pagemap {
	struct vmem_altmap         altmap;               /*     0    48 */
	struct percpu_ref          ref;                  /*    48    16 */
	struct completion          done;                 /*    64    32 */
	enum memory_type           type;                 /*    96     4 */
	unsigned int               flags;                /*   100     4 */
	long unsigned int          vmemmap_shift;        /*   104     8 */
	const struct dev_pagemap_ops  * ops;             /*   112     8 */
	void *                     owner;                /*   120     8 */
	int                        nr_range;             /*   128     4 */
	union {
		struct range       range;                /*   136    16 */
		struct {
			struct {
			} __empty_ranges;                /*   136     0 */
			struct range ranges[0];          /*   136     0 */
		};                                       /*   136     0 */
	};                                               /*   136    16 */

	/* size: 152, cachelines: 3, members: 10 */
};
`;
