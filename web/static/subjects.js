/** Disciplines of the station's flight controllers, in words, in the order of the page. */

export const SUBJECTS = {
  ETHOS: "Air, water and heat",
  SPARTAN: "Power and cooling",
  ADCO: "Attitude and motion",
  TOPO: "Orbit",
  CATO: "Communication",
  CDH: "Computers",
  ODIN: "Onboard data",
  CSA: "Robotic arms",
  EVA: "Airlock and spacesuits",
  VVO: "Visiting vehicles",
  "N/A": "Other",
};

/** @param {{discipline: string}} item @returns {string} a key of SUBJECTS; the first of several disciplines counts */
export function subjectOf({ discipline }) {
  const [first] = discipline.split("/");
  return first in SUBJECTS ? first : "N/A";
}
