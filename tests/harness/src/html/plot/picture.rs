//! What all plots have in common.

use super::axis::Axis;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// A plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("a plot cannot be drawn: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Text and axes; no colour, but a mark for the page's own.
pub const INK: RGBColor = RGBColor(1, 2, 3);
const INK_MARK: &str = "#010203";
/// These are told apart, and from light and dark paper.
pub const ASKED: RGBColor = RGBColor(0xe0, 0x7b, 0x39);
pub const FLUSHED: RGBColor = RGBColor(0x3d, 0x8f, 0xd1);
pub const HALF: RGBColor = RGBColor(0x2c, 0xa2, 0x5f);
pub const MOST: RGBColor = RGBColor(0xd6, 0x45, 0x65);
pub const HEAT: RGBColor = RGBColor(0xe4, 0x57, 0x2e);

const FONT: &str = "sans-serif";
/// The backend makes letters smaller than they are asked for.
const TEXT_SIZE: f64 = 13.0 * 1.24;
/// How wide a letter is at most, on average.
const LETTER: i32 = 7;

/// What a plot is, for those who do not see it.
pub struct About<'a> {
    /// Names the plot within its page.
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub size: (u32, u32),
    /// Whether edges are to fall on pixels, so that areas meet.
    pub crisp: bool,
}

/// Draws an SVG.
pub fn svg(
    about: &About<'_>,
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, about.size).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    let (width, height) = about.size;
    let shapes = svg.find('>').map_or("", |end| &svg[end + 1..]);
    let crisp = if about.crisp {
        " shape-rendering=\"crispEdges\""
    } else {
        ""
    };
    let id = about.id;
    Ok(format!(
        "<svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\"{crisp}><title id=\"{id}-title\">{}</title><desc \
         id=\"{id}-desc\">{}</desc>{}",
        super::super::escape::escaped(about.title),
        super::super::escape::escaped(about.description),
        shapes.replace(INK_MARK, "currentColor"),
    ))
}

pub fn text_style(horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from((FONT, TEXT_SIZE).into_font())
        .color(&INK)
        .pos(Pos::new(horizontal, vertical))
}

/// A chart with its axes under a strip for a legend.
pub fn chart<'a, 'b>(
    area: &'a Area<'b>,
    (x, y): (Axis, Axis),
    right: u32,
) -> Result<Chart<'a, 'b>, PlotError> {
    let names = (x.name.clone(), y.name.clone());
    let mut chart = ChartBuilder::on(area)
        .margin_top(34)
        .margin_right(if right == 0 { 24 } else { 4 })
        .x_label_area_size(50)
        .y_label_area_size(84)
        .right_y_label_area_size(right)
        .build_cartesian_2d(x, y)?;
    // With axes on the right of its own the caller draws these when it has them: plotters would put them
    // there too.
    if right == 0 {
        mesh(&mut chart, names)?;
    }
    Ok(chart)
}

/// Grid and axes, with their names.
pub fn mesh(
    chart: &mut Chart<'_, '_>,
    (x_name, y_name): (String, String),
) -> Result<(), PlotError> {
    let faint = ShapeStyle::from(INK.mix(0.12)).stroke_width(1);
    let font = text_style(HPos::Center, VPos::Center);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(faint)
        .axis_style(INK.mix(0.6))
        .label_style(font.clone())
        .axis_desc_style(font)
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()?;
    Ok(())
}

/// Names of colours, in the strip over the chart.
pub fn legend(area: &Area<'_>, entries: &[(RGBAColor, &str)]) -> Result<(), PlotError> {
    let mut x = 84;
    let style = text_style(HPos::Left, VPos::Center);
    for (color, name) in entries {
        area.draw(&Rectangle::new([(x, 9), (x + 14, 21)], color.filled()))?;
        area.draw(&Text::new((*name).to_owned(), (x + 20, 15), &style))?;
        x += 20 + LETTER * i32::try_from(name.chars().count()).unwrap_or(0) + 22;
    }
    Ok(())
}
