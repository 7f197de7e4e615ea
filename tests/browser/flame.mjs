// SPDX-License-Identifier: BSD-2-Clause
// Drives a browser through a page of ours: `node flame.mjs` reads {"file", "scheme", "script",
// "width", "height", "touch", "steps"} from standard input and prints what each step gave, as JSON.
// With "touch" the screen can be touched. Steps:
//
//     ["key", name]  ["type", text]  ["click", selector]  ["scheme", "dark"]
//     ["move", x, y]  ["press", x, y]  ["twice", x, y]  the mouse, in CSS px of the window
//     ["drag", x, y, to x, to y, key]    with a key held down, or none
//     ["wheel", x, y, dx, dy, key]
//     ["touch", [[x, y], ...], [[x, y], ...]]  fingers go from there to there
//     ["eval", expression]               gives its value
//     ["media", "print"]                 what is drawn for, as with a print's preview
//     ["print"]                          gives the number of bytes of a PDF of the page
//     ["shot", path]                     a picture of the window
//
// Anything that the page complains of, any dialog, and any request but for the file itself ends it
// with status 1.
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { chromium } from '../../build/readers/node_modules/playwright-core/index.mjs'

const task = JSON.parse(fs.readFileSync(0, 'utf8'))
const url = pathToFileURL(task.file).href
const wrong = []
const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser']
const browser = await chromium.launch({
	executablePath: paths.find(path => fs.existsSync(path)),
	args: process.getuid() === 0 ? ['--no-sandbox'] : [],
})
const out = []
try {
	const context = await browser.newContext({
		viewport: { width: task.width ?? 1280, height: task.height ?? 800 },
		hasTouch: task.touch ?? false,
		colorScheme: task.scheme ?? 'light',
		javaScriptEnabled: task.script ?? true,
	})
	const page = await context.newPage()
	page.setDefaultTimeout(20000)
	page.on('console', m => wrong.push(`console: ${m.type()}: ${m.text()}`))
	page.on('pageerror', e => wrong.push(`error: ${e.stack}`))
	page.on('dialog', d => {
		wrong.push(`dialog: ${d.message()}`)
		d.dismiss()
	})
	context.on('page', () => wrong.push('a second page'))
	page.on('request', r => {
		if (r.url() !== url) wrong.push(`request: ${r.url()}`)
	})
	await page.goto(url)
	const held = async (key, act) => {
		if (key) await page.keyboard.down(key)
		await act()
		if (key) await page.keyboard.up(key)
	}
	const fingers = async (from, to) => {
		const client = await context.newCDPSession(page)
		const send = (type, points) =>
			client.send('Input.dispatchTouchEvent', {
				type,
				touchPoints: points.map(([x, y], id) => ({ x, y, id })),
			})
		await send('touchStart', from)
		for (let i = 1; i <= 8; i++) {
			const between = (a, b) => a + ((b - a) * i) / 8
			await send('touchMove', from.map((p, k) => p.map((v, d) => between(v, to[k][d]))))
		}
		await send('touchEnd', [])
	}
	const verbs = {
		key: name => page.keyboard.press(name),
		type: text => page.keyboard.type(text),
		click: selector => page.click(selector),
		// The page hears of it with its next frame.
		scheme: async colorScheme => {
			await page.emulateMedia({ colorScheme })
			await page.evaluate(() => new Promise(done => requestAnimationFrame(() => done(null))))
		},
		move: (x, y) => page.mouse.move(x, y),
		press: (x, y) => page.mouse.click(x, y),
		twice: (x, y) => page.mouse.dblclick(x, y),
		drag: (x, y, toX, toY, key) =>
			held(key, async () => {
				await page.mouse.move(x, y)
				await page.mouse.down()
				await page.mouse.move(toX, toY, { steps: 5 })
				await page.mouse.up()
			}),
		wheel: (x, y, dx, dy, key) =>
			held(key, async () => {
				await page.mouse.move(x, y)
				await page.mouse.wheel(dx, dy)
			}),
		touch: fingers,
		eval: expression => page.evaluate(expression),
		media: media => page.emulateMedia({ media }),
		print: async () => (await page.pdf()).length,
		shot: path => page.screenshot({ path }).then(() => null),
	}
	for (const [verb, ...args] of task.steps) out.push((await verbs[verb](...args)) ?? null)
} catch (error) {
	wrong.push(`driver: step ${out.length + 1}: ${error.stack}`)
} finally {
	await browser.close()
}
if (wrong.length) {
	console.error(wrong.join('\n'))
	process.exit(1)
}
console.log(JSON.stringify(out))
