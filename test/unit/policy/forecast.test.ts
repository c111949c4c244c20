import { expect, test } from 'vitest';
import { seededSequence } from '../../../src/description/random.ts';
import { reachParts } from '../../../src/policy/facts.ts';
import { curveOf, viewsBy } from '../../../src/policy/forecast/curve.ts';
import { demandLearner } from '../../../src/policy/forecast/learner.ts';
import { outlookOf } from '../../../src/policy/forecast/outlook.ts';

const day = 86_400;

/** Videos whose popularity is gamma distributed with this shape and mean, each watched at random times. */
function learnt(shape: number, perDay: number, videos: number, days: number) {
  const random = seededSequence(1, 'forecast', shape);
  const exponential = (): number => -Math.log(1 - random());
  const learner = demandLearner();
  const events: (() => void)[] = [];
  const times: number[] = [];
  for (let number = 0; number < videos; number += 1) {
    const born = random() * days * day;
    // A gamma variable of a whole shape is a sum of exponential ones.
    let popularity = 0;
    for (let one = 0; one < shape; one += 1) popularity += exponential() / shape;
    times.push(born);
    events.push(() => learner.first(['a'], born));
    let isFirst = true;
    for (let at = born; ; isFirst = false) {
      at += (exponential() * day) / (popularity * perDay);
      if (at > days * day) break;
      const [age, first] = [at - born, isFirst];
      times.push(at);
      events.push(() => learner.again(['a'], age, first));
    }
  }
  const order = times.map((_, index) => index).toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
  for (const index of order) events[index]?.();
  return learner.modelFor(['a'], days * day);
}

test('rates and their spread are found again', () => {
  const { label, model } = learnt(1, 0.5, 2000, 20);
  expect(label).toBe('a');
  expect(viewsBy(model.curve, 8 * day)).toBeGreaterThan(3.4);
  expect(viewsBy(model.curve, 8 * day)).toBeLessThan(4.6);
  expect(model.shape).toBeGreaterThan(0.7);
  expect(model.shape).toBeLessThan(1.5);
  expect(learnt(4, 0.5, 2000, 20).model.shape).toBeGreaterThan(2.5);
});

test('ages that nothing has yet go on from the younger ones', () => {
  const { curve } = learnt(1, 1, 1000, 2).model;
  const [known, beyond] = [viewsBy(curve, 2 * day), viewsBy(curve, 16 * day)];
  expect(known).toBeGreaterThan(1.4);
  expect(beyond).toBeGreaterThan(known * 2);
  expect(beyond).toBeLessThan(known * 9);
});

test('nobody seen for long means few to come; many seen mean many', () => {
  const { model } = learnt(1, 0.5, 1000, 20);
  const views = (age: number, again: number) => outlookOf(model, age * day, again, 1).views(day);
  expect(views(8, 0)).toBeLessThan(views(1, 0));
  expect(views(8, 12)).toBeGreaterThan(views(8, 4));
  expect(outlookOf(model, day, 4, 0.5).views(day)).toBeLessThan(views(1, 4));
});

test('an outlook is a distribution: silence falls from one, means agree with it', () => {
  const rates = Array.from({ length: 15 }, () => 1 / day);
  const model = {
    videos: 1,
    curve: curveOf(rates),
    shape: 2,
    reach: Array.from({ length: reachParts }, () => 1),
    knownSeconds: 30 * day,
    isNew: false,
  };
  const outlook = outlookOf(model, day, 1, 1);
  expect(outlook.silence(0)).toBe(1);
  // Gamma with shape 3 and rate 3: (3 / (3 + t))^3 in days.
  expect(outlook.silence(3 * day)).toBeCloseTo(1 / 8, 6);
  expect(outlook.views(3 * day)).toBeCloseTo(3, 6);
  expect(outlook.firstView(1e-3)).toBeCloseTo(1e-3, 9);
  // A copy that lapses after a day: E[again] over the horizon, by numbers.
  const { again, held } = outlook.lapsing(day, 4 * day);
  let [expectedAgain, absent] = [0, 0];
  const steps = 20_000;
  for (let step = 0; step < steps; step += 1) {
    const z = ((step + 0.5) / steps) * 12;
    const density = (27 / 2) * z * z * Math.exp(-3 * z) * (12 / steps);
    expectedAgain += density * z * Math.exp(-z) * 3;
    absent += density * Math.exp(-z) * 3;
  }
  expect(again).toBeCloseTo(expectedAgain, 4);
  expect(held / day).toBeCloseTo(1 + 3 - absent, 4);
});

test('what a label has not shown yet is as with all videos, in the proportion that it has shown', () => {
  const learner = demandLearner();
  for (let number = 0; number < 1000; number += 1) {
    learner.first(['old'], number);
    for (let view = 1; view <= 4; view += 1) learner.again(['old'], view * 4 * day, view === 1);
  }
  // Nobody was seen again yet, and half of them on the first day.
  for (let number = 0; number < 50; number += 1) {
    learner.first(['young'], 16 * day);
    learner.first(['eager'], 15 * day);
    learner.again(['eager'], day / 2, true);
  }
  const views = (label: string) => viewsBy(learner.modelFor([label], 16 * day).model.curve, 16 * day);
  expect(views('young')).toBeGreaterThan(views('old') / 1.5);
  expect(views('young')).toBeLessThan(views('old') * 1.5);
  expect(views('eager')).toBeGreaterThan(views('old') * 2);
});

test('a label speaks for itself once enough videos have it, and labels are bounded', () => {
  const learner = demandLearner();
  for (let number = 0; number < 60; number += 1)
    learner.first(['often', number < 19 ? 'seldom' : 'rare'], number);
  expect(learner.modelFor(['often', 'seldom'], 100).label).toBe('often');
  learner.first(['seldom'], 61);
  expect(learner.modelFor(['often', 'seldom'], 100).label).toBe('seldom');
  expect(learner.modelFor(['unheard'], 100).label).toBe('');
  for (let number = 0; number < 1000; number += 1) learner.first([`l${number}`], 100);
  for (let number = 0; number < 60; number += 1) learner.first(['l999'], 100);
  expect(learner.modelFor(['l999'], 100).label, 'labels beyond the bound count with all').toBe('');
});
