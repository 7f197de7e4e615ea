/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of a page: numbers, base64, deflate, shares and times. */
#include "page_read.h"

#include <stdio.h>

#include "export/page_priv.h"

static __u64 seed = 88172645463325252ull;

static __u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void test_numbers(void **state)
{
	static const __u64 v[] = {0,	 1,   127,	  128,	      300,	  16383,
				  16384, ~0u, 1ull << 31, 1ull << 62, 1ull << 63, ~0ull};
	struct ft_bytes b = {0};
	struct in r;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ft_bytes_v(&b, v[i]);
	ft_bytes_v(&b, 300);
	assert_int_equal(b.err, 0);
	assert_memory_equal(b.p + b.len - 2, "\xac\x02", 2);
	r = (struct in){b.p, b.p + b.len};
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(in_v(&r), v[i]);
	ft_bytes_free(&b);
	assert_null(b.p);
}

static void test_base64(void **state)
{
	static const char *const want[][2] = {{"", ""},
					      {"M", "TQ=="},
					      {"Ma", "TWE="},
					      {"Man", "TWFu"},
					      {"\xff\xff\xbe", "//++"},
					      {"Man,", "TWFuLA=="}};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct ft_text t = {0};

		ft_page_base64((const __u8 *)want[i][0], strlen(want[i][0]), &t);
		assert_string_equal(t.s ? t.s : "", want[i][1]);
		ft_text_free(&t);
	}
	for (size_t n = 1; n < 4000; n += n < 1100 ? 1 : 97) {
		struct ft_text t = {0};
		__u8 raw[4096], *back;
		size_t len;

		for (size_t i = 0; i < n; i++)
			raw[i] = (__u8)rnd();
		ft_page_base64(raw, n, &t);
		back = from_base64(t.s, t.len, &len);
		assert_int_equal(len, n);
		assert_memory_equal(back, raw, n);
		free(back);
		ft_text_free(&t);
	}
}

static void test_blob(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 65536, 1000000};

	(void)state;
	for (size_t k = 0; k < 2 * sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct ft_bytes b = {0};
		struct ft_text t = {0};
		size_t len;
		__u8 *back;

		/* noise, or what has little in it */
		for (size_t i = 0; i < sizes[k / 2]; i++)
			ft_bytes_u8(&b, (__u8)(k % 2 ? rnd() : i % 7));
		assert_int_equal(ft_page_blob(&b, &t), 0);
		assert_true(k % 2 || sizes[k / 2] < 1000 || t.len < sizes[k / 2] / 50);
		back = from_blob(t.s, t.len, &len);
		assert_int_equal(len, sizes[k / 2]);
		if (len)
			assert_memory_equal(back, b.p, len);
		free(back);
		ft_text_free(&t);
		ft_bytes_free(&b);
	}
}

static void test_json(void **state)
{
	struct ft_text t = {0};

	(void)state;
	ft_page_json(&t, "{\"a\":\"</script><!--&\",\"b\":[1]}");
	assert_string_equal(t.s, "{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026\",\"b\":[1]}");
	ft_text_free(&t);
}

static void test_times(void **state)
{
	static const __u64 len[] = {
		0, 1, 1999999999, 2147483647, 2147483648ull, 60000000000ull, 86400000000000ull * 7};
	struct ft_page_axis x;

	(void)state;
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		ft_page_axis_init(&x, 1000, 1000 + len[i]);
		assert_true(x.length <= 1u << 31);
		assert_true(len[i] >= 2000000000ull || x.unit_ns == 1);
		assert_true((__u64)x.length * x.unit_ns <= len[i]);
		assert_true(((__u64)x.length + 1) * x.unit_ns > len[i]);
		assert_int_equal(ft_page_time(&x, 0), 0);
		assert_int_equal(ft_page_time(&x, 1000), 0);
		assert_int_equal(ft_page_time(&x, 1000 + len[i]), x.length);
		assert_int_equal(ft_page_time(&x, ~0ull), x.length);
		assert_int_equal(ft_page_time(&x, 1000 + len[i] / 2), len[i] / 2 / x.unit_ns);
	}
	/* from after to: nothing */
	ft_page_axis_init(&x, 1000, 10);
	assert_int_equal(x.length, 0);
}

/* Sums of shares are those of the parts, however small these are. */
static void test_shares(void **state)
{
	struct ft_page_shares s = {0};
	double sum[5] = {0}, want[5] = {0}, longest = 0;

	(void)state;
	for (int n = 0; n < 10000; n++) {
		__u32 part[5], len = 0;
		__u8 share[5];
		int all = 0;

		part[0] = (__u32)(rnd() % 100000);
		part[1] = (__u32)(rnd() % 300); /* less than one share */
		part[2] = n % 3 ? 0 : (__u32)(rnd() % 5000);
		part[3] = (__u32)(rnd() % 50000);
		part[4] = 0;
		for (int i = 0; i < 5; i++)
			len += part[i];
		ft_page_share(&s, part, 5, len, true, share);
		for (int i = 0; i < 5; i++) {
			all += share[i];
			sum[i] += share[i] * (double)len / 255;
			want[i] += part[i];
			assert_true(part[i] || !share[i]);
		}
		assert_int_equal(all, len ? 255 : 0);
		longest = len > longest ? len : longest;
	}
	for (int i = 0; i < 5; i++)
		assert_true(sum[i] - want[i] < longest / 50 && want[i] - sum[i] < longest / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_base64),
		cmocka_unit_test(test_blob),	cmocka_unit_test(test_json),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
