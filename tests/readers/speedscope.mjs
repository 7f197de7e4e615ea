// SPDX-License-Identifier: BSD-2-Clause
// Prints how speedscope itself understands a profile: `node speedscope.mjs FILE` gives
//
//     {"unit", "total", "functions": [{"name", "file", "line", "self", "total"}],
//      "threads": [{"name", "total", "functions"}]}
//
// "threads" are speedscope's profiles, in their order; the figures of a function are of its frame
// (a recursive one counts once) and are summed over the profiles. Times are in nanoseconds ("unit"
// is then "nanoseconds"); other units stay as they are. Largest "total" first.
//
// The package has its importer only inside the bundle of its page. So the bundle runs here, without
// a page, up to the function that the page's loadFileFromBase64 calls, and that one is taken.
import fs from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../../build/readers/node_modules', import.meta.url))
const release = path.join(modules, 'speedscope/dist/release')
const nanoseconds = { nanoseconds: 1, microseconds: 1e3, milliseconds: 1e6, seconds: 1e9 }

class Enough extends Error {}

function importer() {
	const bundle = fs.readdirSync(release).filter(name => /^speedscope-.*\.js$/.test(name))
	if (bundle.length !== 1) throw new Error(`not one bundle in ${release}: ${bundle}`)
	const source = fs.readFileSync(path.join(release, bundle[0]), 'utf8')
	const called = /loadFileFromBase64:\((\w+),(\w+)\)=>\{this\.loadProfile\(\(\)=>(\w+)\(\1,\2\)\)/
	const name = called.exec(source)?.[3]
	const at = source.indexOf(`async function ${name}(`)
	if (!name || at < 0) throw new Error(`no importer found in ${bundle[0]}`)
	const world = vm.createContext({
		// Its console tells which importer it took.
		console: { ...console, log: () => {} },
		TextDecoder, TextEncoder, URL, atob, btoa, performance, setTimeout, clearTimeout, Enough,
		document: { createElement: () => ({ style: {} }) },
		location: { hash: '', protocol: 'file:', href: 'file:///' },
	})
	world.window = world
	world.self = world
	try {
		vm.runInContext(`${source.slice(0, at)}window.found=${name};throw new Enough();` +
			source.slice(at), world)
	} catch (error) {
		if (!(error instanceof Enough)) throw error
	}
	return world.found
}

const byTotal = (a, b) => b.total - a.total || b.self - a.self || (a.name < b.name ? -1 : 1)

function scale(profile) {
	return nanoseconds[profile.getWeightUnit()] ?? 1
}

function thread(profile) {
	const functions = []
	const ns = weight => Math.round(weight * scale(profile))
	profile.forEachFrame(frame => functions.push({
		name: frame.name, file: frame.file ?? null, line: frame.line ?? null,
		self: ns(frame.getSelfWeight()), total: ns(frame.getTotalWeight()),
	}))
	return { name: profile.getName(), total: ns(profile.getTotalWeight()),
		functions: functions.sort(byTotal) }
}

function sum(threads) {
	const functions = new Map()
	for (const each of threads.flatMap(({ functions }) => functions)) {
		const key = JSON.stringify([each.name, each.file, each.line])
		const known = functions.get(key)
		if (known) {
			known.self += each.self
			known.total += each.total
		} else {
			functions.set(key, { ...each })
		}
	}
	return [...functions.values()].sort(byTotal)
}

const file = process.argv[2]
if (process.argv.length !== 3) throw new Error('usage: speedscope.mjs FILE')
const group = await importer()(path.basename(file), fs.readFileSync(file).toString('base64'))
if (!group) throw new Error(`speedscope does not know the format of ${file}`)
const units = new Set(group.profiles.map(profile => {
	const unit = profile.getWeightUnit()
	return unit in nanoseconds ? 'nanoseconds' : unit
}))
if (units.size !== 1) throw new Error(`profiles of different units: ${[...units]}`)
const threads = group.profiles.map(thread)
const total = threads.reduce((all, { total }) => all + total, 0)
console.log(JSON.stringify({ unit: [...units][0], total, functions: sum(threads), threads }))
